"""Build step: writes a jar again without native libraries that no lab loads."""
import os
import re
import sys
import zipfile

LEFT_OUT = re.compile(r"lib(rocksdb|forst)jni-.*\.(so|dll|jnilib)$|.*/native/(Windows|Mac|FreeBSD|SunOS|AIX)/.*")

for path in sys.argv[1:]:
    with zipfile.ZipFile(path) as jar:
        kept = [entry for entry in jar.infolist() if not LEFT_OUT.match(entry.filename)]
        with zipfile.ZipFile(path + ".new", "w", zipfile.ZIP_DEFLATED) as new:
            for entry in kept:
                new.writestr(entry, jar.read(entry))
    os.replace(path + ".new", path)
