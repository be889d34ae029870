"""One bill of materials for an image: CycloneDX's of its Python packages on stdin, with Debian's packages on stdout.

cyclonedx-py environment PYTHON | python3 sbom.py /var/lib/dpkg/status >sbom.cdx.json
"""

from __future__ import annotations

import json
import sys
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote


def debian_components(status: str) -> list[dict[str, object]]:
    """The installed packages of dpkg's status file, as components with package URLs (purl-spec, type ``deb``)."""
    found: list[dict[str, object]] = []
    for paragraph in status.split("\n\n"):
        package = HeaderParser().parsestr(paragraph)
        if package["Status"] != "install ok installed":
            continue
        name, version = package["Package"], package["Version"]
        purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={package['Architecture']}"
        found.append({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl})
    return found


def main() -> None:
    """Read, add, write."""
    bill = json.load(sys.stdin)
    bill["components"] += debian_components(Path(sys.argv[1]).read_text("utf-8"))
    json.dump(bill, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
