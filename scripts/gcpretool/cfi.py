"""Call frame information: how a function's caller is found from its registers and its stack.

The library copies stacks and leaves them as they are; they are unwound here, by the tables that every x86-64 program has for
exceptions (.eh_frame, which strip leaves in place): LSB 5.0 Core 10.6 for the section and its index, DWARF 4 section 6.4 for the
instructions, 2.5 for expressions.

An Unwinder is one file. step() takes the registers of a frame and gives those of its caller, or None at the end of a stack.
"""

import mmap
import struct

RA, RSP, REGISTERS = 16, 7, 17
LOAD_SEGMENT, EH_FRAME_SEGMENT = 1, 0x6474e550
MASK = (1 << 64) - 1
DEPTH_MOST = 64     # of the stacks that instructions use, and of letters: real ones need three

# How pointers are encoded: the format in the low half, what they are relative to in the high half.
FORMATS = {0x00: "<Q", 0x02: "<H", 0x03: "<I", 0x04: "<Q", 0x0a: "<h", 0x0b: "<i", 0x0c: "<q"}
ULEB, SLEB, OMITTED, INDIRECT = 0x01, 0x09, 0xff, 0x80
RELATIVE_TO_PLACE, RELATIVE_TO_INDEX = 0x10, 0x30


class NoTable(Exception):
    """Nothing is known of this address, or it is not understood."""


class Cursor:
    """Reads the image from an address on."""

    def __init__(self, image, at):
        self.image, self.at = image, at

    def take(self, form):
        data = self.image.read(self.at, struct.calcsize(form))
        self.at += len(data)
        return struct.unpack(form, data)[0]

    def bytes(self, count):
        self.at += count
        return self.image.read(self.at - count, count)

    def text(self):
        found = ""
        while (letter := self.take("<B")) and len(found) < DEPTH_MOST:
            found += chr(letter)
        return found

    def leb(self):
        """(the number, its bits, its last byte)"""
        value = shift = 0
        while shift < 70:
            byte = self.take("<B")
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value, shift, byte
        raise NoTable("a number has too many digits")

    def uleb(self):
        return self.leb()[0]

    def sleb(self):
        value, bits, last = self.leb()
        return value - (1 << bits) if last & 64 else value

    def pointer(self, encoding, index=0):
        place = self.at
        kind = encoding & 0x0f
        value = self.uleb() if kind == ULEB else self.sleb() if kind == SLEB else self.take(FORMATS[kind])
        base = {0: 0, RELATIVE_TO_PLACE: place, RELATIVE_TO_INDEX: index}[encoding & 0x70]
        return (value + base) & MASK


class Image:
    """A file as it lies in memory: addresses are those of the ELF file."""

    def __init__(self, data):
        self.data = data
        table, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        headers = [struct.unpack_from("<IIQQQQQQ", data, table + size * at) for at in range(count)]
        self.loads = [(each[3], each[2], each[5]) for each in headers if each[0] == LOAD_SEGMENT]
        self.index = next((each[3] for each in headers if each[0] == EH_FRAME_SEGMENT), None)

    def read(self, address, count):
        for begin, offset, size in self.loads:
            if begin <= address and address + count <= begin + size:
                data = self.data[offset + address - begin:offset + address - begin + count]
                if len(data) == count:
                    return data
        raise NoTable(f"{address:#x} is not in the file")


class Entry:
    """What the instructions of one piece of code say."""

    def __init__(self, begin, end, common, instructions):
        self.begin, self.end, self.common, self.instructions = begin, end, common, instructions


class Common:
    """What functions share: their initial instructions, and how numbers are scaled."""

    def __init__(self, image, at):
        cursor = Cursor(image, at)
        self.end = cursor.take("<I") + at + 4
        if cursor.take("<I"):
            raise NoTable("an entry's common part is none")
        cursor.take("<B")   # version
        letters = cursor.text()
        self.code_scale, self.data_scale = cursor.uleb(), cursor.sleb()
        cursor.uleb()       # the return address is column 16 on this machine
        self.encoding, self.has_data, self.is_signal = 0, letters.startswith("z"), "S" in letters
        end = cursor.uleb() + cursor.at if self.has_data else cursor.at
        for letter in letters[1:] if self.has_data else "":
            if letter == "R":
                self.encoding = cursor.take("<B")
            elif letter == "P":
                cursor.pointer(cursor.take("<B") & ~INDIRECT)
            elif letter == "L":
                cursor.take("<B")
        self.instructions = (end, self.end)


class Unwinder:
    def __init__(self, data):
        """data: the file's bytes. NoTable if there is no unwind information."""
        try:
            self.image = Image(data)
            if self.image.index is None:
                raise NoTable("the file has no unwind information")
            self.commons, self.entries = {}, {}
            self.read_index()
        except (struct.error, KeyError, IndexError) as error:
            raise NoTable(f"the unwind information is damaged: {error}") from None

    # ---- which entry

    def read_index(self):
        cursor = Cursor(self.image, self.image.index)
        _, frame, count, table = cursor.bytes(4)
        self.frames = cursor.pointer(frame, self.image.index)
        self.count = cursor.pointer(count, self.image.index) if count != OMITTED else 0
        if self.count and table != RELATIVE_TO_INDEX | 0x0b:
            raise NoTable("the index of the unwind information is of a kind that is not known")
        self.table = cursor.at

    def entry_at(self, address):
        """The last entry of the index that begins at or below the address."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.indexed(middle)[0] <= address:
                low = middle + 1
            else:
                high = middle
        if not low:
            raise NoTable("no function is known there")
        entry = self.entry(self.indexed(low - 1)[1])
        if not entry.begin <= address < entry.end:
            raise NoTable("no function is known there")
        return entry

    def indexed(self, number):
        begin, entry = struct.unpack("<ii", self.image.read(self.table + 8 * number, 8))
        return self.image.index + begin, self.image.index + entry

    def entry(self, at):
        if at not in self.entries:
            cursor = Cursor(self.image, at)
            end = cursor.take("<I") + at + 4
            place = cursor.at
            common = self.common(place - cursor.take("<I"))
            begin = cursor.pointer(common.encoding)
            size = cursor.pointer(common.encoding & 0x0f)
            if common.has_data:
                cursor.bytes(cursor.uleb())
            self.entries[at] = Entry(begin, begin + size, common, (cursor.at, end))
        return self.entries[at]

    def common(self, at):
        if at not in self.commons:
            self.commons[at] = Common(self.image, at)
        return self.commons[at]

    # ---- one step

    def step(self, registers, address, memory):
        """(the caller's registers, None for those that are lost; whether this was a signal's frame). The instruction pointer of the
        outermost frame's caller is None. address: of the ELF file, inside the call. NoTable."""
        try:
            entry = self.entry_at(address)
            rules = Rules(entry.common, self.image)
            rules.run(entry.common.instructions, entry.begin, MASK)
            rules.initial = dict(rules.registers)
            rules.run(entry.instructions, entry.begin, address)
        except (struct.error, KeyError, IndexError) as error:
            raise NoTable(f"the unwind information is damaged: {error}") from None
        return rules.apply(registers, memory), entry.common.is_signal


class Rules:
    """A row of the table: where the frame's address and the caller's registers are."""

    def __init__(self, common, image):
        self.common, self.image = common, image
        self.frame, self.registers, self.initial, self.kept = None, {}, {}, []

    def run(self, place, code, until):
        """The instructions that apply at the address `until`, for a function that begins at `code`."""
        cursor = Cursor(self.image, place[0])
        while cursor.at < place[1]:
            byte = cursor.take("<B")
            high, low = byte & 0xc0, byte & 0x3f
            if high == 0x40 or byte in ADVANCES:
                code += (low if high else cursor.take(ADVANCES[byte])) * self.common.code_scale
                if code > until:
                    return
            elif high == 0x80:
                self.registers[low] = "memory", cursor.uleb() * self.common.data_scale
            elif high == 0xc0:
                self.restore(low)
            else:
                self.one(byte, cursor)

    def restore(self, register):
        if register in self.initial:
            self.registers[register] = self.initial[register]
        else:
            self.registers.pop(register, None)

    def one(self, byte, cursor):
        if byte in MADE:
            register = cursor.uleb()
            kind, scaled = MADE[byte]
            number = cursor.sleb() if byte in (0x11, 0x15) else cursor.uleb()
            self.registers[register] = kind, number * (self.common.data_scale if scaled else 1)
        elif byte in (0x10, 0x16):      # expression, val_expression
            register, size = cursor.uleb(), cursor.uleb()
            self.registers[register] = "expression" if byte == 0x10 else "value expression", cursor.bytes(size)
        elif byte == 0x2f:              # GNU_negative_offset_extended
            register = cursor.uleb()
            self.registers[register] = "memory", -cursor.uleb() * self.common.data_scale
        elif byte == 0x06:
            self.restore(cursor.uleb())
        elif byte == 0x07:
            self.registers[cursor.uleb()] = "undefined", 0
        elif byte == 0x08:
            self.registers.pop(cursor.uleb(), None)
        elif byte == 0x0a and len(self.kept) < DEPTH_MOST:
            self.kept.append((self.frame, dict(self.registers)))
        elif byte == 0x0b and self.kept:
            self.frame, self.registers = self.kept.pop()
        elif byte in (0x0c, 0x12):      # def_cfa, its signed kind
            register = cursor.uleb()
            self.frame = register, cursor.uleb() if byte == 0x0c else cursor.sleb() * self.common.data_scale
        elif byte == 0x0d:
            self.frame = cursor.uleb(), self.based()[1]
        elif byte in (0x0e, 0x13):
            self.frame = self.based()[0], cursor.uleb() if byte == 0x0e else cursor.sleb() * self.common.data_scale
        elif byte == 0x0f:
            self.frame = "expression", cursor.bytes(cursor.uleb())
        elif byte == 0x2e:              # GNU_args_size
            cursor.uleb()
        elif byte:
            raise NoTable(f"an instruction {byte:#x} that is not known")

    def based(self):
        if not self.frame or self.frame[0] == "expression":
            raise NoTable("the frame has no register to be counted from")
        return self.frame

    def apply(self, registers, memory):
        if not self.frame:
            raise NoTable("nothing says where the frame is")
        kind, number = self.frame
        frame = evaluate(number, registers, memory, []) if kind == "expression" else needed(registers, kind) + number & MASK
        caller = list(registers)
        caller[RSP] = frame
        for register, (kind, number) in self.registers.items():
            if register < REGISTERS:
                caller[register] = value(kind, number, frame, registers, memory)
        if RA not in self.registers:
            caller[RA] = None
        return caller


ADVANCES = {0x01: "<Q", 0x02: "<B", 0x03: "<H", 0x04: "<I"}
MADE = {0x05: ("memory", True), 0x09: ("register", False), 0x11: ("memory", True), 0x14: ("value", True), 0x15: ("value", True)}


def needed(registers, number):
    if number >= REGISTERS or registers[number] is None:
        raise NoTable("a register is lost that the frame needs")
    return registers[number]


def value(kind, number, frame, registers, memory):
    if kind == "memory":
        return memory.word(frame + number & MASK)
    if kind == "value":
        return frame + number & MASK
    if kind == "register":
        return needed(registers, number)
    if kind == "expression":
        return memory.word(evaluate(number, registers, memory, [frame]))
    return evaluate(number, registers, memory, [frame]) if kind == "value expression" else None


# ---- expressions: those that gcc, clang and people write into unwind tables (PLT stubs, signal frames, realigned stacks)

class Bytes:
    """An expression, to be read by a Cursor."""

    def __init__(self, data):
        self.data = data

    def read(self, at, count):
        if at + count > len(self.data):
            raise NoTable("an expression ends too early")
        return self.data[at:at + count]


def signed(number):
    return number - (1 << 64) if number >> 63 else number


BINARY = {0x1a: lambda a, b: a & b, 0x1c: lambda a, b: a - b, 0x1e: lambda a, b: a * b, 0x21: lambda a, b: a | b,
          0x22: lambda a, b: a + b, 0x24: lambda a, b: a << b if b < 64 else 0, 0x25: lambda a, b: a >> b,
          0x26: lambda a, b: signed(a) >> b, 0x27: lambda a, b: a ^ b,
          0x29: lambda a, b: a == b, 0x2a: lambda a, b: signed(a) >= signed(b), 0x2b: lambda a, b: signed(a) > signed(b),
          0x2c: lambda a, b: signed(a) <= signed(b), 0x2d: lambda a, b: signed(a) < signed(b), 0x2e: lambda a, b: a != b}
CONSTANTS = {0x08: "<B", 0x09: "<b", 0x0a: "<H", 0x0b: "<h", 0x0c: "<I", 0x0d: "<i", 0x0e: "<Q", 0x0f: "<q"}


def evaluate(expression, registers, memory, stack):
    cursor = Cursor(Bytes(expression), 0)
    while cursor.at < len(expression):
        operation = cursor.take("<B")
        if len(stack) > DEPTH_MOST:
            raise NoTable("an expression is too long")
        if 0x70 <= operation < 0x70 + REGISTERS:    # breg
            stack.append(needed(registers, operation - 0x70) + cursor.sleb() & MASK)
        elif 0x30 <= operation < 0x50:              # lit
            stack.append(operation - 0x30)
        elif operation in CONSTANTS:
            stack.append(cursor.take(CONSTANTS[operation]) & MASK)
        elif operation == 0x10:
            stack.append(cursor.uleb() & MASK)
        elif operation == 0x11:
            stack.append(cursor.sleb() & MASK)
        elif operation == 0x06:                     # deref
            stack.append(memory.word(popped(stack)))
        elif operation == 0x12:
            stack += [popped(stack)] * 2
        elif operation == 0x23:                     # plus_uconst
            stack.append(popped(stack) + cursor.uleb() & MASK)
        elif operation in BINARY:
            second, first = popped(stack), popped(stack)
            stack.append(int(BINARY[operation](first, second)) & MASK)
        else:
            raise NoTable(f"an operation {operation:#x} that is not known")
    return popped(stack)


def popped(stack):
    if not stack:
        raise NoTable("an expression takes what is not there")
    return stack.pop()


def open_file(path):
    """The Unwinder of a file. NoTable, OSError."""
    with open(path, "rb") as file:
        try:
            return Unwinder(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:
            raise NoTable("is empty") from None
