// Runs before the page is painted and marks that scripts work, so that components do not jump into shape later.
// It is a file of its own because the content security policy allows no script inside a page.
document.body.classList.add('js-enabled')
if ('noModule' in HTMLScriptElement.prototype) {
  document.body.classList.add('govuk-frontend-supported')
}
