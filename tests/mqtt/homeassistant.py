# SPDX-License-Identifier: GPL-2.0-only
"""Checks a device discovery message against the documentation of Home Assistant

Home Assistant itself is not part of these tests, because it is not in Debian. The names, and which of them are required,
come from its documentation as of November 2026:

 - https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 - https://www.home-assistant.io/integrations/event.mqtt/
 - https://www.home-assistant.io/integrations/binary_sensor.mqtt/
 - https://www.home-assistant.io/integrations/device_trigger.mqtt/
 - https://developers.home-assistant.io/docs/core/entity/event/ (standard event types; a doorbell must have "ring")
"""

import json
import re

# "The shared options at the root level of the JSON message must include" device and origin.
ROOT = {"device", "origin", "components"}
ROOT_OPTIONAL = {"availability", "availability_mode", "availability_topic", "availability_template", "payload_available",
                 "payload_not_available", "command_topic", "state_topic", "qos", "encoding"}
DEVICE_OPTIONAL = {"configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id", "name",
                   "serial_number", "suggested_area", "sw_version", "via_device"}
ORIGIN, ORIGIN_OPTIONAL = {"name"}, {"sw_version", "support_url"}
AVAILABILITY, AVAILABILITY_OPTIONAL = {"topic"}, {"payload_available", "payload_not_available", "value_template"}

# For all entities. In a device's message, unique_id is required.
ENTITY = {"platform", "unique_id", "state_topic"}
ENTITY_OPTIONAL = {"availability", "availability_mode", "availability_topic", "availability_template", "default_entity_id",
                   "device_class", "enabled_by_default", "encoding", "entity_category", "entity_picture", "icon",
                   "json_attributes_template", "json_attributes_topic", "name", "payload_available", "payload_not_available",
                   "qos", "value_template"}
PLATFORMS = {
    "event": (ENTITY | {"event_types"}, ENTITY_OPTIONAL),
    "binary_sensor": (ENTITY, ENTITY_OPTIONAL | {"expire_after", "force_update", "off_delay", "payload_on", "payload_off"}),
    # value_template is in the integration's schema (TRIGGER_DISCOVERY_SCHEMA in its device_trigger.py), too.
    "device_automation": ({"platform", "automation_type", "topic", "type", "subtype"}, {"payload", "qos", "value_template"}),
}
# "Entries supported by the frontend"
TRIGGER_TYPES = {f"button_{kind}" for kind in (
    "short_press", "short_release", "long_press", "long_release", "double_press", "triple_press", "quadruple_press",
    "quintuple_press")}
EVENT_CLASSES = {"button", "doorbell", "motion"}
# Other types are allowed, but automations for any button know only these.
BUTTON_EVENTS = {"press_start", "press_end", "long_press_start", "long_press_end", "multi_press_ongoing", "multi_press_end"}
OBJECT_ID = r"[a-zA-Z0-9_-]+"


def keys(got, required, optional, what):
    assert required <= set(got), f"{what}: missing {required - set(got)}"
    assert set(got) <= required | optional, f"{what}: unknown {set(got) - required - optional}"


def check_component(name, component):
    platform = component["platform"]
    keys(component, *PLATFORMS[platform], name)
    assert component.get("qos", 0) in (0, 1, 2), component
    for key, value in component.items():
        if key.endswith("topic"):
            assert isinstance(value, str) and not re.search("[#+]", value), (name, key, value)
    for entry in component.get("availability", []):
        keys(entry, AVAILABILITY, AVAILABILITY_OPTIONAL, f"{name}: availability")
    assert component.get("availability_mode", "latest") in ("all", "any", "latest"), component
    if platform == "device_automation":
        assert component["automation_type"] == "trigger", component
        assert component["type"] in TRIGGER_TYPES, component
    elif platform == "event":
        types = component["event_types"]
        assert isinstance(types, list) and types and all(isinstance(one, str) for one in types), component
        assert component["device_class"] in EVENT_CLASSES, component
        if component["device_class"] == "doorbell":
            assert "ring" in types, component
        else:
            assert set(types) <= BUTTON_EVENTS | {"repeat"}, component
    else:
        assert component["payload_on"] != component["payload_off"], component


def check(topic, payload, buttons):
    """Checks a message for this number of buttons. Returns its components."""
    assert re.fullmatch(rf"[^#+]+/device/{OBJECT_ID}/config", topic), topic
    message = json.loads(payload)
    keys(message, ROOT, ROOT_OPTIONAL, "message")
    keys(message["device"], set(), DEVICE_OPTIONAL, "device")
    assert message["device"].get("identifiers") or message["device"].get("connections"), message["device"]
    keys(message["origin"], ORIGIN, ORIGIN_OPTIONAL, "origin")
    components = message["components"]
    for name, component in components.items():
        assert re.fullmatch(OBJECT_ID, name), name
        check_component(name, component)
    entities = [c["unique_id"] for c in components.values() if "unique_id" in c]
    assert len(set(entities)) == len(entities) == 2 * buttons, entities
    # "the combination of type and subtype should be unique for a device"
    triggers = [(c["type"], c["subtype"]) for c in components.values() if c["platform"] == "device_automation"]
    assert len(set(triggers)) == len(triggers) == 4 * buttons, triggers
    return components


def triggered(components, topic, gesture):
    """Checks that a gesture's message fires exactly its trigger, or none if there is no trigger for the gesture."""
    wanted = {"click": "button_short_press", "double": "button_double_press", "hold": "button_long_press",
              "hold_end": "button_long_release"}.get(gesture["gesture"])
    fired = [c["type"] for c in components.values() if c["platform"] == "device_automation" and c["topic"] == topic and
             c["value_template"] == "{{ value_json.gesture }}" and c["payload"] == gesture["gesture"]]
    assert fired == ([wanted] if wanted else []), (gesture, fired)


def rings(doorbell, messages):
    """How often a doorbell rings: its template turns presses into "ring" and drops other events. Jinja2 renders the template
    if it is installed."""
    try:
        import jinja2  # pylint: disable=import-outside-toplevel
    except ImportError:
        jinja2 = None
    count = 0
    for _, topic, payload in messages:
        if topic != doorbell["state_topic"]:
            continue
        event = json.loads(payload)
        if jinja2:
            text = jinja2.Environment().from_string(doorbell["value_template"]).render(value_json=event)
        else:
            assert "if value_json.event == 'press'" in doorbell["value_template"], doorbell
            text = '{"event_type":"ring"}' if event["event"] == "press" else "{}"
        if text != "{}":
            assert json.loads(text)["event_type"] in doorbell["event_types"], text
            count += 1
    return count
