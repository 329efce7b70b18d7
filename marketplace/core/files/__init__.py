"""Files that people give: judged by what they contain, cleaned, scanned, kept in the database, handed out again.

The way of a file: `forms.FileForm` reads it out of a form, `checking.check` looks at it in a process of its own
(`inspection.inspect` decides, `scanner` asks a virus scanner), `store.FileStore` keeps it, `answers.file_answer` hands
it out. What an attacker chooses is opened nowhere else.

Imports nothing here: the process that opens files starts for each of them and should start fast.
"""
