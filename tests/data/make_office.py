#!/usr/bin/env python3
"""Makes Office documents, harmless and hostile, in a directory: make_office.py DIR"""
import io
import os
import sys
import zipfile

TYPES = ('<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
         '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
         '<Default Extension="xml" ContentType="application/xml"/>%s</Types>')
RELATIONS = ('<?xml version="1.0" encoding="UTF-8"?>'
             '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>')
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
NAMESPACES = ('xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
              'xmlns:r="%s/relationships" '
              'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
              'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
              'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"' % OFFICE)


def archive(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in files:
            file.writestr(name, data)
    return out.getvalue()


def override(part, kind):
    return f'<Override PartName="{part}" ContentType="{kind}"/>'


def relation(number, kind, target, mode=""):
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/relationships/{kind}" Target="{target}"{mode}/>'


def docx(body, more=(), types="", relations=""):
    document = ('<?xml version="1.0" encoding="UTF-8"?><w:document %s><w:body>%s</w:body></w:document>'
                % (NAMESPACES, body))
    return archive([
        ("[Content_Types].xml", TYPES % (override("/word/document.xml", WORD) + types)),
        ("_rels/.rels", RELATIONS % relation(1, "officeDocument", "word/document.xml")),
        ("word/_rels/document.xml.rels", RELATIONS % relations),
        ("word/document.xml", document), *more])


def paragraph(text):
    return f'<w:p><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def xlsx():
    cells = "".join(f'<row r="{r}"><c r="A{r}" t="inlineStr"><is><t>Row {r}</t></is></c>'
                    f'<c r="B{r}"><v>{r * r}</v></c></row>' for r in range(1, 6))
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return archive([
        ("[Content_Types].xml", TYPES % (override("/xl/workbook.xml", SHEET + ".sheet.main+xml")
                                         + override("/xl/worksheets/sheet1.xml", SHEET + ".worksheet+xml"))),
        ("_rels/.rels", RELATIONS % relation(1, "officeDocument", "xl/workbook.xml")),
        ("xl/_rels/workbook.xml.rels", RELATIONS % relation(1, "worksheet", "worksheets/sheet1.xml")),
        ("xl/workbook.xml", f'<workbook {main} xmlns:r="{OFFICE}/relationships"><sheets>'
                            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>'),
        ("xl/worksheets/sheet1.xml", f'<worksheet {main}><sheetData>{cells}</sheetData></worksheet>')])


def odt(script=False):
    """With a macro that would run when the document is opened."""
    office = ('xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
              'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
              'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"')
    kind = "application/vnd.oasis.opendocument.text"
    content = (f'<office:document-content {office} office:version="1.2"><office:body><office:text>'
               '<text:p>An open document.</text:p></office:text></office:body></office:document-content>')
    manifest = (f'<manifest:manifest {office} manifest:version="1.2"><manifest:file-entry manifest:full-path="/" '
                f'manifest:media-type="{kind}"/><manifest:file-entry manifest:full-path="content.xml" '
                'manifest:media-type="text/xml"/></manifest:manifest>')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", kind)
        file.writestr("content.xml", content)
        file.writestr("META-INF/manifest.xml", manifest)
        if script:
            file.writestr("Basic/Standard/Module1.xml", "<a/>")
    return out.getvalue()


def linked(target):
    """A picture that lies elsewhere."""
    drawing = ('<w:p><w:r><w:drawing><wp:inline><wp:extent cx="2000000" cy="2000000"/><wp:docPr id="1" name="p"/>'
               '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>'
               '<pic:nvPicPr><pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill>'
               '<a:blip r:link="rId7"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm>'
               '<a:off x="0" y="0"/><a:ext cx="2000000" cy="2000000"/></a:xfrm><a:prstGeom prst="rect"/></pic:spPr>'
               '</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>')
    return docx(paragraph("Linked.") + drawing,
                relations=relation(7, "image", target, ' TargetMode="External"'))


def cut(data):
    return data[:len(data) // 2]


def make(port):
    yield "letter.docx", docx("".join(map(paragraph, (
        "Dear reader,", "", "the quick brown fox jumps over the lazy dog.", "Yours sincerely"))))
    yield "sheet.xlsx", xlsx()
    yield "open.odt", odt()
    yield "note.rtf", b"{\\rtf1\\ansi{\\fonttbl{\\f0 DejaVu Sans;}}\\f0\\fs24 A note.\\par}"
    yield "long.docx", docx("".join(paragraph(f"Paragraph {i} has some words of its own. " * 6) for i in range(6000)))
    yield "linked.docx", linked(f"http://127.0.0.1:{port}/picture.png")
    macro = ("word/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    yield "macro.docm", docx(paragraph("Click."), [macro], types=override(
        "/word/vbaProject.bin", "application/vnd.ms-office.vbaProject"))
    yield "hidden_macro.docx", docx(paragraph("Click."), [("word/harmless.bin", macro[1])], types=override(
        "/word/harmless.bin", "application/vnd.ms-office.vbaProject"))
    yield "macro.odt", odt(script=True)
    yield "bomb.docx", docx(paragraph("x"), [("word/media/a", bytes(300 << 20))])
    yield "ratio.docx", docx(paragraph("x"), [("word/media/a", bytes(30 << 20))])
    yield "parts.docx", docx(paragraph("x"), [(f"word/{i}", b"") for i in range(10001)])
    yield "cut.docx", cut(docx(paragraph("x")))
    yield "odd.docx", docx("<w:p>")
    yield "program.docx", b"MZ\x90\0" + bytes(500)
    yield "slides.pptx", archive([("[Content_Types].xml", TYPES % ""), ("ppt/presentation.xml", "<a/>")])


def main():
    directory, port = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "9"
    os.makedirs(directory, exist_ok=True)
    for name, data in make(port):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(data)


main()
