# SPDX-License-Identifier: GPL-2.0-only
"""A model of what Raspberry Pi's firmware and its dtoverlay tool do with an overlay's parameters.

Written from their documentation (README.md beside this file says which parts). Like both, the model
patches the overlay before the overlay is applied. Of the syntax of __overrides__ it implements
integers, booleans, strings and byte strings. It raises NotImplementedError for the rest (literals,
lookup tables, fragments, bootargs), which this project's overlay does not use.
"""

import re
import struct

ON, OFF = ("y", "yes", "on", "true"), ("n", "no", "off", "false")
WORDS = dict.fromkeys(ON, 1) | dict.fromkeys(OFF, 0) | {"down": 1, "up": 2}
SIZES = {".": 1, ";": 2, ":": 4, "#": 8}


class Refused(Exception):
    """The firmware or dtoverlay would refuse the parameter."""


def integer(value):
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|[1-9][0-9]*", value):
        return int(value, 0)
    if re.fullmatch(r"0[0-7]*", value):         # octal, as in strtoull()
        return int(value, 8)
    if not value:
        return 0
    if value in WORDS:
        return WORDS[value]
    raise Refused(f"invalid value '{value}'")


def targets(data):
    """Yields the (phandle, declaration) pairs of a parameter."""
    while data:
        phandle, rest = struct.unpack_from(">I", data)[0], data[4:]
        declaration, _, data = rest.partition(b"\0")
        yield phandle, declaration.decode()


def path_of(overlay, phandle):
    for path, node in overlay.walk():
        if node.props.get("phandle") == struct.pack(">I", phandle):
            return path
    raise Refused(f"no node with phandle {phandle}")


def rename(overlay, path, new):
    """Renames a node, also in the fixups and symbols that contain its path."""
    parent, _, old = path.rpartition("/")
    renamed = f"{parent}/{new}"

    def replace_key(children):
        items = [(new if name == old else name, node) for name, node in children.items()]
        children.clear()
        children.update(items)

    replace_key(overlay.find(parent).children)
    for special in ("__fixups__", "__symbols__"):
        props = overlay.children[special].props if special in overlay.children else {}
        for name, value in props.items():
            entries = [re.sub(f"^{re.escape(path)}(?=[:/]|$)", renamed, entry)
                       for entry in value.decode().split("\0")]
            props[name] = "\0".join(entries).encode()
    try:
        replace_key(overlay.find(f"/__local_fixups__{parent}").children)
    except KeyError:
        pass                    # no local fixups below the parent


def set_integer(overlay, path, prop, offset, size, value):
    node = overlay.find(path)
    old = node.props.get(prop, b"")
    if prop != "reg" or len(old) >= offset + size:      # reg is never created or extended
        new = bytearray(old.ljust(offset + size, b"\0"))
        new[offset:offset + size] = (value & (256 ** size - 1)).to_bytes(size, "big")
        node.props[prop] = bytes(new)
    name = path.rpartition("/")[2]
    if prop == "reg" and offset == 0 and "@" in name:
        rename(overlay, path, f"{name.partition('@')[0]}@{value:x}")


def set_boolean(node, prop, value):
    if value:
        node.props[prop] = b""
    else:
        node.props.pop(prop, None)


def set_string(overlay, path, prop, value):
    if prop == "name":
        rename(overlay, path, value)
        return
    if prop == "status":
        if value in ON + ("enable", "1"):
            value = "okay"
        elif value in OFF + ("0",):
            value = "disabled"
    overlay.find(path).props[prop] = value.encode() + b"\0"


def assign(overlay, phandle, declaration, value):
    form = re.fullmatch(r"([^][.;:#?!{}=]+)(?:([.;:#])(\d+)|([?!])|(\[))?", declaration)
    if phandle == 0 or not form or declaration == "bootargs":
        raise NotImplementedError(f"<{phandle}>,\"{declaration}\" is not in the model")
    prop, separator, offset, boolean, byte_string = form.groups()
    path = path_of(overlay, phandle)
    if separator:
        set_integer(overlay, path, prop, int(offset), SIZES[separator], integer(value))
    elif boolean:
        set_boolean(overlay.find(path), prop, (integer(value) != 0) == (boolean == "?"))
    elif byte_string:
        try:
            overlay.find(path).props[prop] = bytes.fromhex(value.replace(":", " "))
        except ValueError as err:
            raise Refused(f"invalid byte string '{value}'") from err
    else:
        set_string(overlay, path, prop, value)


def apply(overlay, parameters):
    """Applies parameters, written as after the name in a dtoverlay= line: "gpio=27,label=bell,wakeup"."""
    for parameter in filter(None, parameters.split(",")):
        name, equals, value = parameter.partition("=")
        declared = overlay.children["__overrides__"].props.get(name)
        if declared is None:
            raise Refused(f"unknown parameter '{name}'")
        for phandle, declaration in targets(declared):
            assign(overlay, phandle, declaration, value if equals else "true")
