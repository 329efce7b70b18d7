"""The open data in the form of Open Referral UK 3.0: public services only, never anything about a person.

`feed` answers the nine addresses of the standard, `documents` writes a service with everything that belongs to it,
`parts` its schedules, areas and costs, `taxonomies` our own words as terms, `asked` reads the parameters.

What is in it: every listing on the market that may be copied (`is_open_data`). Offers of one person are in it only with
their consent, and then without address, telephone number or point. The regulator's register is left out: the regulator
publishes it itself, and a reader who joins feeds would have every place twice.
"""
