"""XLSX files put together part by part, so that any part of them can be wrong."""

import io
import zipfile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
WORKBOOK, SHEET, STRINGS, STYLES = "xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
# Cell styles 1 to 4: a day, a time of day, both, and a time that has passed.
FORMATS = f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="200" formatCode="[$-409]d\\-mmm\\ yyyy\\ h:mm;@"/></numFmts>'
FORMATS += '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="20"/>'
FORMATS += '<xf numFmtId="200"/><xf numFmtId="46"/></cellXfs></styleSheet>'


def sheet(rows: str) -> str:
    return f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def strings(*items: str) -> str:
    return f'<sst xmlns="{MAIN}">{"".join(f"<si>{item}</si>" for item in items)}</sst>'


def text(content: str) -> str:
    """A cell of text, without a place."""
    return f'<c t="str"><v>{content}</v></c>'


def row(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


def relations(**targets: str) -> str:
    listed = "".join(f'<Relationship Id="{key}" Type="{OFFICE}/{key.rstrip("0123456789")}" Target="{to}"/>' for key, to in targets.items())
    return f'<Relationships xmlns="{PACKAGE}">{listed}</Relationships>'


def workbook(*sheets: str, before: str = "") -> str:
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{before}<sheets>{"".join(sheets)}</sheets></workbook>'


ONE_SHEET = '<sheet name="One" sheetId="1" r:id="worksheet1"/>'


def packed(parts: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def xlsx(rows: str, **parts: str | bytes | None) -> bytes:
    """A workbook of one sheet with these rows. `parts` take the place of others, by `workbook`, `sheet`, `strings`, `styles`, `rels`."""
    made: dict[str, str | bytes | None] = {
        "_rels/.rels": relations(officeDocument=WORKBOOK),
        WORKBOOK: parts.get("workbook", workbook(ONE_SHEET)),
        "xl/_rels/workbook.xml.rels": parts.get(
            "rels", relations(worksheet1="worksheets/sheet1.xml", sharedStrings="sharedStrings.xml", styles="/xl/styles.xml")
        ),
        STRINGS: parts.get("strings", strings()),
        STYLES: parts.get("styles", FORMATS),
        SHEET: parts.get("sheet", sheet(rows)),
    }
    return packed({name: content for name, content in made.items() if content is not None})
