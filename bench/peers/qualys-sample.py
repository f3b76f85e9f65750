"""What the sample in Qualys' guide does, on files instead of a connection: unpack by zlib into a file, parse that whole, write records."""
import json
import sys
import zlib

for path in sys.argv[1:]:
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    with open(path, "rb") as body, open("unpacked.json", "wb") as unpacked:
        for chunk in iter(lambda: body.read(1024 * 1024), b""):
            unpacked.write(unpack.decompress(chunk))
        unpacked.write(unpack.flush())
    with open("unpacked.json", encoding="utf-8") as document:
        for record in json.load(document):
            sys.stdout.write(json.dumps(record, ensure_ascii=False))
            sys.stdout.write("\n")
