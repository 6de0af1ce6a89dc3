"""Which text a spreadsheet would take for a formula: what OWASP lists under CSV injection.

It begins with = + - @, a tab or a line break, also in full width, and also behind blanks and quotes, which some programs skip.
"""

_SKIPPED = "[ \"'\x0b\x0c\xa0\u1680\u2000-\u200f\u2018-\u201f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*"
_STARTS = "[=+\\-@\t\r\n\u2212\uff1d\uff0b\uff0d\uff20]"
# Regular expressions for the beginning of a text, as Python and Arrow read them alike.
FORMULA = f"^{_SKIPPED}{_STARTS}"
QUOTED_FORMULA = f"^'{_SKIPPED}{_STARTS}"
