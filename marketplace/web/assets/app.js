// Small enhancements; every page works without this file.
import { initAll } from './govuk-frontend.js'

/** Read a short sentence out to screen readers, through the live region of the layout. */
function announce (sentence) {
  const region = document.getElementById('announcer')
  if (region && sentence) {
    // An unchanged text is not read again, so it is emptied first.
    region.textContent = ''
    window.setTimeout(() => { region.textContent = sentence }, 50)
  }
}

/** "Print this page" buttons do nothing without scripts, so they are hidden until here. */
function revealPrintButtons (scope) {
  for (const button of scope.querySelectorAll('button[data-print][hidden]')) {
    button.hidden = false
    button.addEventListener('click', () => window.print())
  }
}

/** "Copy the address" buttons need scripts and a clipboard, so they are hidden until here. */
function revealCopyButtons (scope) {
  if (!navigator.clipboard) {
    return
  }
  for (const button of scope.querySelectorAll('button[data-copy][hidden]')) {
    button.hidden = false
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy)
        announce('The address was copied.')
        button.textContent = 'Address copied'
      } catch {
        announce('The address could not be copied. Select it and copy it yourself.')
      }
    })
  }
}

/** Boxes that scroll sideways must be reachable by keyboard, those that do not should not be. */
function markScrollBoxes (scope) {
  for (const box of scope.querySelectorAll('.cm-table-box')) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0
    } else {
      box.removeAttribute('tabindex')
    }
  }
}

/** Tables that stack on phones keep saying that they are tables: not every browser does so for blocks. */
const ROLES = { THEAD: 'rowgroup', TBODY: 'rowgroup', TR: 'row', TD: 'cell' }
function keepTablesTables (scope) {
  for (const table of scope.querySelectorAll('table.cm-stack, table.cm-compare')) {
    table.setAttribute('role', 'table')
    for (const part of table.querySelectorAll('thead, tbody, tr, th, td')) {
      part.setAttribute('role', ROLES[part.tagName] ?? (part.scope === 'row' ? 'rowheader' : 'columnheader'))
    }
  }
}

function enhance (scope) {
  initAll({ scope })
  revealPrintButtons(scope)
  revealCopyButtons(scope)
  markScrollBoxes(scope)
  keepTablesTables(scope)
}

enhance(document)

let resizing
window.addEventListener('resize', () => {
  window.clearTimeout(resizing)
  resizing = window.setTimeout(() => markScrollBoxes(document), 150)
})

// Groups that somebody opened stay open when their contents are replaced.
const kept = new Set()
document.body.addEventListener('htmx:beforeSwap', () => {
  kept.clear()
  for (const group of document.querySelectorAll('details[data-keep-open][open]')) {
    kept.add(group.id)
  }
})
document.body.addEventListener('htmx:oobAfterSwap', () => {
  for (const group of document.querySelectorAll('details[data-keep-open]')) {
    group.open = group.open || kept.has(group.id)
  }
})

// Filters that fold away on a phone are open where there is room.
const wide = window.matchMedia('(min-width: 48.0625em)')
function openWhenWide () {
  for (const group of document.querySelectorAll('details[data-open-when-wide]')) {
    group.open = group.open || wide.matches
  }
}
openWhenWide()
wide.addEventListener('change', openWhenWide)

// Who presses "Search" wants the results: they take the focus, and on a phone the filters fold away.
document.body.addEventListener('htmx:afterSettle', (event) => {
  const { elt, requestConfig } = event.detail
  const isAsked = requestConfig?.triggeringEvent?.type === 'submit'
  if (!isAsked || !(elt instanceof HTMLElement) || !elt.hasAttribute('tabindex')) {
    return
  }
  if (!wide.matches && event.detail.xhr.status < 400) {
    for (const group of document.querySelectorAll('details[data-open-when-wide]')) {
      group.open = false
    }
  }
  // A browser that sees a part of the results would not move to their start by itself.
  elt.focus({ preventScroll: true })
  if (!wide.matches || elt.getBoundingClientRect().top < 0) {
    elt.scrollIntoView()
  }
})

// A swapped fragment brings its own components and, where it has one, a sentence about what changed.
document.body.addEventListener('htmx:afterSettle', (event) => {
  const fragment = event.detail.elt
  if (!(fragment instanceof Element) || !fragment.isConnected) {
    return
  }
  enhance(fragment)
  const news = fragment.matches('[data-announce]') ? fragment : fragment.querySelector('[data-announce]')
  announce(news?.dataset.announce)
})

// When a refresh in the background fails, fall back to what happens without scripts: a GET goes to the whole page,
// which explains the problem; a POST is not repeated behind anyone's back.
function fallBack (event) {
  const request = event.detail.requestConfig
  if (request?.verb === 'get') {
    window.location.assign(event.detail.pathInfo?.finalRequestPath ?? request.path)
  } else {
    announce('Sorry, that did not work. Load the page again and check before you repeat it.')
  }
}

document.body.addEventListener('htmx:responseError', fallBack)
document.body.addEventListener('htmx:sendError', fallBack)
