"""On-the-fly encryption of files in age v1 (https://c2sp.org/age).

A key is read with ``keys.parse_key``; it makes an ``Encryptor`` or a ``Decryptor``. Both are fed with ``update`` and
ended with ``finish``, hold one chunk of 64 KiB at most, and know nothing of files, sockets and sites.
"""
