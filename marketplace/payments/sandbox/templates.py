"""The test payment page: plain HTML that works without scripts, and its style sheet.

They are strings in code, so that the sandbox is whole wherever the package is.
"""

from __future__ import annotations

from jinja2 import DictLoader, Environment, StrictUndefined

_LAYOUT = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{% block title %}{% endblock %} - Test payment page</title>
<link rel="stylesheet" href="{{ stylesheet }}">
<link rel="icon" href="data:,">
</head>
<body>
<a class="skip" href="#main">Skip to main content</a>
<header class="banner">
<p class="inner"><strong>Test payment page - no money moves</strong></p>
</header>
<main class="inner" id="main">
{% block main %}{% endblock %}
</main>
<footer class="inner">
<p>This page stands in for a card payment page. Use it only with the test card numbers.</p>
</footer>
</body>
</html>
"""

_PAY = """{% extends "layout" %}
{% block title %}{% if errors %}Error: {% endif %}Pay {{ amount }}{% endblock %}
{% macro field(name, label, hint="", kind="text", width="", value="", numeric=false) %}
{% set error = errors.get(name) %}
<div class="field{% if error %} wrong{% endif %}">
<label for="{{ name }}">{{ label }}</label>
{% if hint %}<p class="hint" id="{{ name }}-hint">{{ hint }}</p>{% endif %}
{% if error %}<p class="message" id="{{ name }}-error"><span class="unseen">Error:</span> {{ error }}</p>{% endif %}
<input class="{{ width }}" id="{{ name }}" name="{{ name }}" type="{{ kind }}"
 autocomplete="{{ complete.get(name, "off") }}"
{%- if value %} value="{{ value }}"{% endif %}
{%- if numeric %} inputmode="numeric"{% endif %} spellcheck="false"
{%- if error or hint %} aria-describedby="{% if hint %}{{ name }}-hint{% endif %}{% if hint and error %} {% endif %}
{%- if error %}{{ name }}-error{% endif %}"{% endif %}
{%- if error %} aria-invalid="true"{% endif %}>
</div>
{% endmacro %}
{% block main %}
{% if errors %}
<div class="summary" role="alert">
<h2>There is a problem</h2>
<ul>{% for name, message in errors.items() %}<li><a href="#{{ name }}">{{ message }}</a></li>{% endfor %}</ul>
</div>
{% endif %}
<h1>Pay {{ amount }}</h1>
<table class="lines">
<caption>What you pay for</caption>
<thead><tr><th scope="col">Item</th><th class="amount" scope="col">Amount</th></tr></thead>
<tbody>
{% for line in lines %}<tr><td>{{ line.name }}</td><td class="amount">{{ line.amount }}</td></tr>
{% endfor %}
</tbody>
</table>
<form action="{{ action }}" method="post" novalidate>
{% if known_email %}<p>We will send the receipt to <strong>{{ known_email }}</strong>.</p>
{% else %}
{{ field("email", "Email address", "For the receipt", kind="email", value=typed.get("email", "")) }}
{% endif %}
{{ field("name", "Name on card", value=typed.get("name", "")) }}
{{ field("number", "Card number", "One of the test card numbers below", width="medium", numeric=true) }}
{{ field("expiry", "Expiry date", "Any date to come, for example 12/34", width="short") }}
{{ field("cvc", "Security code", "Any three digits", width="short", numeric=true) }}
<button type="submit">Pay {{ amount }}</button>
</form>
{% if cancel_url %}<p><a href="{{ cancel_url }}">Cancel and go back</a></p>{% endif %}
<h2>Test card numbers</h2>
<table>
<caption>What each card number does</caption>
<thead><tr><th scope="col">Card number</th><th scope="col">The payment</th></tr></thead>
<tbody>
{% for card in cards %}<tr><th scope="row">{{ card.spaced }}</th><td>{{ card.outcome.value }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endblock %}
"""

_CONFIRM = """{% extends "layout" %}
{% block title %}Confirm your payment of {{ amount }}{% endblock %}
{% block main %}
<h1>Confirm your payment of {{ amount }}</h1>
<p>With a real card, your bank would now ask whether it is you (3-D Secure). Choose what your answer to the bank is.</p>
<form action="{{ action }}" method="post">
<button name="answer" type="submit" value="confirm">Confirm payment</button>
<button class="secondary" name="answer" type="submit" value="refuse">Fail the check</button>
</form>
{% endblock %}
"""

_ONBOARD = """{% extends "layout" %}
{% block title %}Set up test payments{% endblock %}
{% block main %}
<h1>Set up test payments</h1>
<p>With real payments, {{ name }} would now give bank details and proof of identity here.
The test page asks for nothing.</p>
<form action="{{ action }}" method="post">
<button name="answer" type="submit" value="all">Finish the set-up</button>
<button class="secondary" name="answer" type="submit" value="part">Finish, but leave the proof of identity out</button>
</form>
<p><a href="{{ return_url }}">Go back without finishing</a></p>
{% endblock %}
"""

_CONTROL = """{% extends "layout" %}
{% block title %}What goes wrong next{% endblock %}
{% block main %}
<h1>What goes wrong next</h1>
{% if said %}<div class="summary" role="status"><p>{{ said }}</p></div>{% endif %}
<p>Choose what happens to the next calls of the platform and to the next events that go back to it.</p>
<h2>Calls and events</h2>
<form action="{{ action }}" method="post">
{% for value, text in faults %}<button class="secondary" name="do" type="submit" value="{{ value }}">{{ text }}</button>
{% endfor %}
</form>
<p>{{ calls }} faults of calls and {{ deliveries }} faults of events are to come; {{ waiting }} events wait.</p>
<h2>Payments</h2>
<table>
<caption>The last payments</caption>
<thead><tr><th scope="col">Payment</th><th scope="col">What you can do</th></tr></thead>
<tbody>
{% for charge in charges %}<tr><th scope="row">{{ charge.amount }}, {{ charge.state }}<br>{{ charge.id }}</th><td>
<form action="{{ action }}" method="post">
<input type="hidden" name="id" value="{{ charge.id }}">
{% for value, text in charge.choices %}
<button class="secondary" name="do" type="submit" value="{{ value }}">{{ text }}</button>
{% endfor %}
</form></td></tr>
{% else %}<tr><td colspan="2">None yet.</td></tr>
{% endfor %}
</tbody>
</table>
<h2>Payees</h2>
<table>
<caption>Connected accounts</caption>
<thead><tr><th scope="col">Account</th><th scope="col">What you can do</th></tr></thead>
<tbody>
{% for account in accounts %}<tr><th scope="row">{{ account.name }}, {{ account.state }}<br>{{ account.id }}</th><td>
<form action="{{ action }}" method="post">
<input type="hidden" name="id" value="{{ account.id }}">
<button class="secondary" name="do" type="submit" value="{{ account.do }}">{{ account.text }}</button>
</form></td></tr>
{% else %}<tr><td colspan="2">None yet.</td></tr>
{% endfor %}
</tbody>
</table>
{% endblock %}
"""

_MESSAGE = """{% extends "layout" %}
{% block title %}{{ heading }}{% endblock %}
{% block main %}
<h1>{{ heading }}</h1>
<p>{{ text }}</p>
{% if link %}<p><a href="{{ link }}">{{ link_text }}</a></p>{% endif %}
{% endblock %}
"""

PAGES = Environment(
    loader=DictLoader(
        {
            "layout": _LAYOUT,
            "pay": _PAY,
            "confirm": _CONFIRM,
            "onboard": _ONBOARD,
            "control": _CONTROL,
            "message": _MESSAGE,
        }
    ),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

STYLESHEET = """
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; color: #0b0c0c; background: #ffffff;
  font: 1.1875rem/1.35 "Helvetica Neue", helvetica, arial, sans-serif; }
.inner { max-width: 44rem; margin: 0 auto; padding: 0 1rem; }
.banner { background: #ffdd00; border-bottom: 0.25rem solid #0b0c0c; }
.banner p { padding-top: 0.75rem; padding-bottom: 0.75rem; }
main { padding-top: 1.5rem !important; padding-bottom: 2rem !important; }
footer p { padding-top: 1rem; }
footer { border-top: 1px solid #b1b4b6; font-size: 1rem; color: #484949; }
h1 { margin: 0 0 1.5rem; font-size: 2rem; line-height: 1.1; }
h2 { margin: 2rem 0 1rem; font-size: 1.5rem; line-height: 1.2; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: #1a65a6; text-underline-offset: 0.15em; }
a:hover { text-decoration-thickness: 3px; }
a:focus { outline: 3px solid transparent; color: #0b0c0c; background: #ffdd00; box-shadow: 0 4px #0b0c0c; }
.skip { position: absolute; left: -999rem; padding: 0.5rem 1rem; }
.skip:focus { position: static; display: block; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
table { width: 100%; margin: 0 0 1.5rem; border-collapse: collapse; }
caption { margin-bottom: 0.5rem; font-weight: 700; text-align: left; }
th, td { padding: 0.5rem 1rem 0.5rem 0; border-bottom: 1px solid #b1b4b6; text-align: left; vertical-align: top; }
tbody th { font-weight: 400; font-variant-numeric: tabular-nums; }
.amount { padding-right: 0; text-align: right; font-variant-numeric: tabular-nums; }
.field { margin-bottom: 1.5rem; }
.field.wrong { padding-left: 1rem; border-left: 0.3125rem solid #ca3535; }
label { display: block; margin-bottom: 0.25rem; font-weight: 700; }
.hint { margin-bottom: 0.5rem; color: #484949; }
.message { margin-bottom: 0.5rem; color: #ca3535; font-weight: 700; }
input { width: 100%; height: 2.5rem; padding: 0.25rem; border: 2px solid #0b0c0c; border-radius: 0; font: inherit; }
.wrong input { border-color: #ca3535; }
.short { max-width: 6rem; }
.medium { max-width: 16rem; }
input:focus { outline: 3px solid #ffdd00; box-shadow: inset 0 0 0 2px #0b0c0c; }
button { margin: 0 1rem 1rem 0; padding: 0.5rem 1rem; border: 2px solid transparent; box-shadow: 0 2px 0 #083d29;
  color: #ffffff; background: #0f7a52; font: inherit; font-weight: 700; cursor: pointer; }
button:hover { background: #0b5c3e; }
button.secondary { color: #0b0c0c; background: #f3f3f3; box-shadow: 0 2px 0 #929191; }
button.secondary:hover { background: #dbdada; }
button:focus { outline: 3px solid transparent; border-color: #ffdd00; box-shadow: inset 0 0 0 1px #ffdd00;
  color: #0b0c0c; background: #ffdd00; }
.summary { margin-bottom: 2rem; padding: 1rem; border: 0.3125rem solid #ca3535; }
.summary h2 { margin-top: 0; }
.summary ul { margin: 0; padding: 0; list-style: none; }
.summary a { color: #ca3535; font-weight: 700; }
@media print { form, .skip { display: none; } }
@media (forced-colors: active) { button, input { border-color: currentcolor; } }
"""
