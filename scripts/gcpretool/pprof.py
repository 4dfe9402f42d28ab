"""profile.proto, gzip'ed: what `go tool pprof` reads. The protocol buffers are encoded here, by hand.

Field numbers are those of github.com/google/pprof/proto/profile.proto. A message is the concatenation of its fields;
a field is number << 3 | kind, then a varint (kind 0) or a length and bytes (kind 2). Zeros need not be written.
"""

import gzip

VALUES = [("inuse_objects", "count"), ("inuse_space", "bytes"), ("alloc_objects", "count"), ("alloc_space", "bytes"),
          ("leaked_objects", "count"), ("leaked_space", "bytes")]
DEFAULT = {"lost": "leaked_space", "live": "inuse_space", "growth": "inuse_space", "alloc": "alloc_space"}


# ---- protocol buffers

def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def message(field, *parts):
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def packed(field, values):
    return message(field, *map(varint, values))


# ---- the profile

class Profile:
    """Collects tables; an entry's id is its place in its table, counted from 1 (strings: from 0, the empty one)."""

    def __init__(self):
        self.strings = {"": 0}
        self.mappings, self.functions, self.locations = {}, {}, {}
        self.samples = []

    def string(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def mapping(self, module):
        return self.mappings.setdefault(module, len(self.mappings) + 1) if module else 0

    def function(self, call):
        key = call.function, call.file
        return self.functions.setdefault(key, len(self.functions) + 1)

    def location(self, frame, calls):
        """One a frame; the calls inlined into it are its lines, innermost first."""
        lines = tuple((self.function(call), call.line) for call in calls if call.function)
        key = frame.pc, self.mapping(frame.module), lines
        return self.locations.setdefault(key, len(self.locations) + 1)

    def sample(self, site, values, label):
        frames = {}
        for call in site.calls:
            frames.setdefault(call.frame, []).append(call)
        stack = [self.location(frame, calls) for frame, calls in frames.items()]
        labels = [message(3, number(1, self.string("process")), number(2, self.string(label)))] if label else []
        self.samples.append(message(2, packed(1, stack), packed(2, values), *labels))

    def encoded(self, begin_ns, duration_ns, default):
        """Strings last: the other tables still add to them."""
        parts = [message(1, number(1, self.string(kind)), number(2, self.string(unit))) for kind, unit in VALUES]
        parts += self.samples
        parts += [self.encoded_mapping(module, index) for module, index in self.mappings.items()]
        parts += [self.encoded_location(key, index) for key, index in self.locations.items()]
        parts += [self.encoded_function(key, index) for key, index in self.functions.items()]
        parts += [number(9, begin_ns), number(10, duration_ns),
                  message(11, number(1, self.string("space")), number(2, self.string("bytes"))), number(12, 1),
                  number(14, self.string(default))]
        strings = [message(6, text.encode(errors="backslashreplace")) for text in self.strings]
        return b"".join(parts + strings)

    def encoded_mapping(self, module, index):
        """pprof shall not name functions again; with the flags it leaves that."""
        named = [number(field, 1) for field in (7, 8, 9, 10)]
        return message(3, number(1, index), number(2, module.low), number(3, module.high),
                       number(5, self.string(module.path)), number(6, self.string(module.build_id)), *named)

    def encoded_location(self, key, index):
        address, mapping, lines = key
        encoded = [message(4, number(1, function), number(2, line)) for function, line in lines]
        return message(4, number(1, index), number(2, mapping), number(3, address), *encoded)

    def encoded_function(self, key, index):
        name, file = (self.string(text) for text in key)
        return message(5, number(1, index), number(2, name), number(3, name), number(4, file))


def render(views, what):
    profile = Profile()
    for view in views:
        for site, values in values_by_site(view).values():
            profile.sample(site, values, view.name if len(views) > 1 else "")
    begin = min(process.begin_ns for view in views for process in view.processes)
    end = max(process.last_ns for view in views for process in view.processes)
    return gzip.compress(profile.encoded(begin, end - begin, DEFAULT[what]), mtime=0)


def values_by_site(view):
    """{site's key: (site, the six values)}"""
    rows = {}
    for row in view.living:
        rows[row.site.exact] = row.site, [row.blocks, row.bytes, row.allocated_blocks, row.allocated_bytes, 0, 0]
    for site, blocks, size in view.weights("lost"):
        values = rows.setdefault(site.exact, (site, [0] * len(VALUES)))[1]
        values[4] += blocks
        values[5] += size
    return rows
