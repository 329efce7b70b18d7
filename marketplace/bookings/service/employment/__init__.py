"""A person who takes on a personal assistant: what it costs, what the law asks for, the hours that go to the payroll.

`cost` works out the true price of an hour, `duties` and `checklist` what is to be done, `employments` the job itself,
`timesheets` the hours, `family` whether a relative may be paid. Nothing here ever holds back pay for work done.
"""
