"""Small files in real formats, written here byte by byte, so that no test depends on data from elsewhere."""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(
    pages: Sequence[Sequence[tuple[int, int, str]]], *, password: str = "", width: int = 612, rotate: int = 0
) -> bytes:
    """A PDF whose pages hold lines at (x, y) in 11 point Helvetica; locked with a user password if one is given."""
    identity = b"0123456789abcdef"
    key, encryption = _encryption(password, identity) if password else (b"", b"")
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for lines in pages:
        body = (
            b"BT /F1 11 Tf "
            + b" ".join(f"1 0 0 1 {x} {y} Tm ({line}) Tj".encode("latin-1") for x, y, line in lines)
            + b" ET"
        )
        number = len(objects) + 2
        if key:
            body = _rc4(hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10], body)
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d 792] /Rotate %d"
            b" /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (width, rotate, number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % kid for kid in kids), len(kids))
    if encryption:
        objects.append(encryption)
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    locked = b" /Encrypt %d 0 R /ID [<%s> <%s>]" % (len(objects), identity.hex().encode(), identity.hex().encode())
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        locked if encryption else b"",
        start,
    )
    return bytes(out)


def _encryption(password: str, identity: bytes) -> tuple[bytes, bytes]:
    """The file key and dictionary of PDF's first security handler (40-bit RC4), with the password for both roles."""
    padded = (password.encode() + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + (0xFFFFFFFC).to_bytes(4, "little") + identity).digest()[:5]
    user = _rc4(key, _PADDING)
    dictionary = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >>" % (
        owner.hex().encode(),
        user.hex().encode(),
    )
    return key, dictionary


def _rc4(key: bytes, data: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def archive(members: Mapping[str, bytes | str], *, compress: bool = True) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


def docx(paragraphs: Sequence[str], *, filler: int = 0) -> bytes:
    """A Word document; `filler` bytes of blanks make its text a bomb."""
    body = "".join(f"<w:p><w:r><w:t>{paragraph}</w:t></w:r></w:p>" for paragraph in paragraphs)
    blanks = f"<w:p><w:r><w:t>{'x ' * (filler // 2)}</w:t></w:r></w:p>" if filler else ""
    return archive(
        {
            "[Content_Types].xml": (
                '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
                '.wordprocessingml.document.main+xml"/></Types>'
            ),
            "_rels/.rels": (
                '<?xml version="1.0"?><Relationships '
                'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
                'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
                'Target="word/document.xml"/></Relationships>'
            ),
            "word/document.xml": (
                f'<?xml version="1.0"?><w:document xmlns:w="{_WORD}"><w:body>{body}{blanks}</w:body></w:document>'
            ),
        }
    )


def odt(content: str) -> bytes:
    """An OpenDocument text with the given content of office:text."""
    return archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": "<manifest/>",
            "content.xml": (
                '<?xml version="1.0"?><office:document-content '
                'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
                'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
                'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
                'xmlns:xlink="http://www.w3.org/1999/xlink">'
                f"<office:body><office:text>{content}</office:text></office:body></office:document-content>"
            ),
        }
    )


def mail(text: str, *, attachments: Mapping[str, bytes] | None = None, subject: str = "Harbour hours") -> bytes:
    """An e-mail with attachments."""
    message = EmailMessage()
    message["From"] = "Records Desk <records@example.org>"
    message["To"] = "reading-room@example.org"
    message["Subject"] = subject
    message["Date"] = "Mon, 16 Nov 2026 09:30:00 +0000"
    message.set_content(text)
    for name, data in (attachments or {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()
