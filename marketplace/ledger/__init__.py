"""The only place where pence move: accounts, entries, lines and balances."""
