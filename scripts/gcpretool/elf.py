"""The little that is needed of ELF files (64 bits, little endian): the build-id, and the symbol that covers an address.

The build-id says whether a file is the one that ran. Symbols name global variables, which neither llvm-symbolizer nor
addr2line do everywhere, and check names that addr2line guesses: it gives the symbol before the address, however far.
"""

import bisect
import functools
import mmap
import struct

NOTE_SEGMENT, NOTE_SECTION = 4, 7
SYMBOL_TABLES = {2, 11}     # SHT_SYMTAB, SHT_DYNSYM
GNU_BUILD_ID = 3
OBJECT, FUNCTION, TLS, INDIRECT = 1, 2, 6, 10   # kinds of symbols


class BadElf(Exception):
    pass


def build_id(path):
    """In hex; "" if the file has none. BadElf, OSError."""
    return opened(path, find_build_id)


@functools.lru_cache(maxsize=64)
def symbols(path):
    """The sorted (address, end, kind, name) of a file's symbols; empty if it cannot be read."""
    try:
        return opened(path, lambda data: sorted(set(find_symbols(data))))
    except (BadElf, OSError):
        return []


def symbol_at(path, address, kinds):
    """(name, distance) of the symbol of one of these kinds that covers the address; None if none does."""
    table = symbols(path)
    at = bisect.bisect_right(table, (address, 1 << 64)) - 1
    while at >= 0 and address - table[at][0] < 1 << 20:     # symbols nest: a small one may begin behind a larger one
        begin, end, kind, name = table[at]
        if begin <= address < end and kind in kinds:
            return name, address - begin
        at -= 1
    return None


def opened(path, reader):
    with open(path, "rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if data[:6] != b"\x7fELF\x02\x01":
                    raise BadElf("is not a 64-bit ELF file")
                return reader(data)
        except (ValueError, struct.error, IndexError):  # empty, or its tables lie outside of it
            raise BadElf("is damaged") from None


def sections(data):
    """(name offset, type, flags, address, offset, size, link, info, alignment, entry size) of each."""
    table, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    return [struct.unpack_from("<IIQQQQIIQQ", data, table + size * at) for at in range(count if table else 0)]


def find_build_id(data):
    """From the note sections; from the note segments where a file was stripped of its sections."""
    places = [(each[4], each[5]) for each in sections(data) if each[1] == NOTE_SECTION]
    if not places:
        table, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        headers = [struct.unpack_from("<IIQQQQQQ", data, table + size * at) for at in range(count)]
        places = [(each[2], each[5]) for each in headers if each[0] == NOTE_SEGMENT]
    return next((found for place in places if (found := build_id_in(data, *place))), "")


def build_id_in(data, at, size):
    end = min(at + size, len(data))
    while at + 12 <= end:
        name_size, size, kind = struct.unpack_from("<III", data, at)
        content = at + 12 + (name_size + 3 & ~3)
        if kind == GNU_BUILD_ID and data[at + 12:at + 16] == b"GNU\0":
            return data[content:content + size].hex()
        at = content + (size + 3 & ~3)
    return ""


def find_symbols(data):
    table = sections(data)
    for _, kind, _, _, offset, size, link, *_ in table:
        if kind in SYMBOL_TABLES and link < len(table):
            names = table[link][4]
            for name, info, _, section, address, length in struct.iter_unpack("<IBBHQQ", data[offset:offset + size // 24 * 24]):
                if section and length and name:
                    begin = names + name
                    yield address, address + length, info & 15, data[begin:data.find(b"\0", begin)].decode(errors="replace")
