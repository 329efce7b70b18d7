"""The direct-payment account: how it is held, what comes in and goes out, statements, receipts.

`holding` sets who holds it, `shares` pays in by the budget's schedule, `movements` records everything else that is no
visit, `spending` what people pay themselves, `statements` and `pdf` write it down, `rules` are the sums behind it.
"""
