// The worker's page on a poor line: a press that cannot be sent is kept on the phone and sent later.
// Without this file the buttons are plain forms. Each press carries a key, so sending it again is harmless.
(function () {
  'use strict'

  const box = document.querySelector('[data-visit-queue]')
  if (!box || !window.fetch || !window.FormData) return
  const owner = box.dataset.visitQueue
  const STORE = 'visit-presses'
  let isSending = false
  box.tabIndex = -1

  function read () {
    try {
      return JSON.parse(window.localStorage.getItem(STORE) || '[]')
    } catch {
      return []
    }
  }

  function keep (presses) {
    window.localStorage.setItem(STORE, JSON.stringify(presses))
  }

  // On a shared phone the presses of somebody else wait until that person signs in again.
  function mine () {
    return read().filter((press) => press.owner === owner)
  }

  function drop (key) {
    keep(read().filter((press) => press.fields.client_key !== key))
  }

  function say (words) {
    box.hidden = !words
    box.textContent = words
  }

  function clock (iso) {
    return new Date(iso).toLocaleTimeString('en-GB', { hour: 'numeric', minute: '2-digit', timeZone: 'Europe/London' })
  }

  function show (extra) {
    const waiting = mine()
    const lines = waiting.map((press) => `${press.words} at ${clock(press.fields.happened_at)}`)
    const kept = lines.length ? `Kept on this phone, sent when there is a line: ${lines.join('; ')}.` : ''
    say([extra, kept].filter(Boolean).join(' '))
  }

  // A key as the server reads it; `randomUUID` is missing on pages without TLS.
  function newKey () {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16))
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  async function send (press, token) {
    const fields = new URLSearchParams({ ...press.fields, csrf_token: token })
    const answer = await fetch(press.address, { method: 'POST', body: fields, credentials: 'same-origin' })
    // A press that was taken leads to the page of the day; anything else, such as the sign-in page, is no yes.
    if (answer.ok && answer.redirected) return new URL(answer.url).pathname === '/today' ? 'taken' : 'later'
    if (answer.ok || [401, 403, 429].includes(answer.status) || answer.status >= 500) return 'later'
    return 'refused'
  }

  // A fresh page says whether somebody is signed in, and brings the token that a form needs.
  async function fresh () {
    const answer = await fetch('/today', { credentials: 'same-origin', cache: 'no-store' })
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const queue = page.querySelector('[data-visit-queue]')
    const token = page.querySelector('input[name=csrf_token]')
    return queue && queue.dataset.visitQueue === owner && token ? token.value : ''
  }

  async function flush () {
    if (isSending || !mine().length) return
    isSending = true
    let refused = ''
    try {
      const token = await fresh()
      if (!token) {
        show('Sign in again to send what you recorded.')
        return
      }
      let taken = 0
      for (const press of mine()) {
        const outcome = await send(press, token)
        if (outcome === 'later') break
        if (outcome === 'refused') refused = `${press.words} at ${clock(press.fields.happened_at)} was not taken. Tell your office.`
        drop(press.fields.client_key)
        if (outcome === 'taken') taken += 1
      }
      if (taken && !refused && !mine().length) {
        window.location.reload()
        return
      }
      show(refused)
    } catch {
      show(refused)
    } finally {
      isSending = false
    }
  }

  // Without a line the page stays as it is, so the button becomes the next one here.
  function follow (form, button, kind) {
    if (kind !== 'start') {
      button.disabled = true
      return
    }
    form.elements.kind.value = 'finish'
    form.elements.client_key.value = newKey()
    if (form.elements.form_id) form.elements.form_id.value = newKey()
    for (const node of button.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) node.textContent = node.textContent.replace('Start', 'Finish')
    }
  }

  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!(form instanceof HTMLFormElement) || !form.dataset.visitPress) return
    const fields = Object.fromEntries(new FormData(form))
    delete fields.csrf_token
    fields.happened_at = new Date().toISOString()
    const button = form.querySelector('button')
    const press = { owner, address: form.getAttribute('action'), fields, words: button ? button.textContent.trim() : fields.kind }
    try {
      keep([...read(), press])
    } catch {
      // No room or no store: the plain form is sent, with the time of the server.
      return
    }
    event.preventDefault()
    if (button) follow(form, button, fields.kind)
    show('')
    box.focus()
    flush()
  })

  window.addEventListener('online', flush)
  document.addEventListener('visibilitychange', () => { if (!document.hidden) flush() })
  window.setInterval(flush, 60000)
  show('')
  flush()
})()
