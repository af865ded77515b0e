"""The catalogue: what kinds of records there are, and by which definition the fields of each are checked.

| module | what |
|---|---|
| `definition.py` | a definition and its one encoding; what makes it unusable |
| `vocabulary.py` | which part of JSON Schema a field may use, so that no definition can hang a node |
| `checking.py` | a record's fields against a definition: every mistake at once, in words |
| `shipped.py` | the definitions that come with this software |
"""
