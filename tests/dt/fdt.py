# SPDX-License-Identifier: GPL-2.0-only
"""Reads and writes flattened device trees, as far as the tests need the Devicetree Specification."""

import struct

MAGIC, BEGIN_NODE, END_NODE, PROP, NOP, END = 0xd00dfeed, 1, 2, 3, 4, 9
HEADER = struct.Struct(">10I")


def cells(*values):
    return struct.pack(f">{len(values)}I", *values)


class Node:
    def __init__(self):
        self.props = {}         # name -> bytes
        self.children = {}      # name -> Node

    def find(self, path):
        node = self
        for name in path.strip("/").split("/"):
            if name:
                node = node.children[name]
        return node

    def walk(self, path=""):
        """Yields the path and the node of this node and of all nodes below it."""
        yield path or "/", self
        for name, child in self.children.items():
            yield from child.walk(f"{path}/{name}")

    def strings(self, prop):
        return self.props.get(prop, b"").decode().rstrip("\0").split("\0")

    def cell(self, prop, index=0):
        return struct.unpack_from(">I", self.props[prop], 4 * index)[0]


def parse(blob):
    magic, _, at, strings, _, _, _, _, _, _ = HEADER.unpack_from(blob)
    if magic != MAGIC:
        raise ValueError("no flattened device tree")

    def text(offset):
        return blob[offset:blob.index(0, offset)].decode()

    outer = Node()
    stack = [outer]
    while True:
        (token,) = struct.unpack_from(">I", blob, at)
        at += 4
        if token == BEGIN_NODE:
            name = text(at)
            at += (len(name) + 4) & ~3
            stack.append(stack[-1].children.setdefault(name, Node()))
        elif token == END_NODE:
            stack.pop()
        elif token == PROP:
            length, name = struct.unpack_from(">II", blob, at)
            at += 8
            stack[-1].props[text(strings + name)] = blob[at:at + length]
            at += (length + 3) & ~3
        elif token == END:
            return outer.children[""]
        elif token != NOP:
            raise ValueError(f"unknown token {token:#x}")


def write(root):
    struct_block, strings, offsets = bytearray(), bytearray(), {}

    def pad(data):
        return data + bytes(-len(data) % 4)

    def emit(name, node):
        struct_block.extend(cells(BEGIN_NODE) + pad(name.encode() + b"\0"))
        for prop, value in node.props.items():
            if prop not in offsets:
                offsets[prop] = len(strings)
                strings.extend(prop.encode() + b"\0")
            struct_block.extend(cells(PROP, len(value), offsets[prop]) + pad(value))
        for child in node.children.items():
            emit(*child)
        struct_block.extend(cells(END_NODE))

    emit("", root)
    struct_block.extend(cells(END))
    reserved = bytes(16)        # an empty memory reservation map
    start = HEADER.size + len(reserved)
    end = start + len(struct_block)
    header = HEADER.pack(MAGIC, end + len(strings), start, end, HEADER.size, 17, 16, 0,
                         len(strings), len(struct_block))
    return header + reserved + bytes(struct_block) + bytes(strings)
