// SPDX-License-Identifier: GPL-2.0-only
/*
 * The service: events of all buttons to the broker
 *
 * The driver's ring is the queue. The service reads events only while the broker takes messages, so events wait in the
 * kernel, and a LOST record counts those that the ring overwrote. The ledger holds the last acknowledged event of each
 * button, so a restarted service goes on with the event after it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../button-irq/device.h"
#include "../button-irq/gesture.h"
#include "../button-irq/notify.h"
#include "../button-irq/util.h"
#include "client.h"
#include "homeassistant.h"
#include "ledger.h"
#include "service.h"
#include "topic.h"

#define NEVER		(~0ULL)

/* Events read at a time. Each makes up to three messages, so that not many more than CLIENT_WINDOW wait. */
#define BATCH		4

/* How long a stop waits for what was sent. */
#define STOP_NS		(2 * NS_PER_S)

/* The release after a hold. Later than all types of gesture.h in a tie. */
#define GESTURE_HOLD_END	GESTURE_TYPES
#define GESTURE_ALL		255

/*
 * What a message is, for done() and too_large(). KIND_EVENT: @a is the number of the event, or the last number of lost ones,
 * and @b how many are lost. KIND_GESTURE: @a is the gesture's time, and @b its type.
 */
enum kind { KIND_PLAIN, KIND_EVENT, KIND_GESTURE, KIND_GAP, KIND_FORGET, KIND_DISCOVERY };

#define TIMES		4

/**
 * struct entry - a label: a button that there is, or was
 * @record: what the broker has acknowledged
 * @topic: of its messages, without the last level
 * @settings: its settings
 * @gestures: its recogniser
 * @held: the last press has become a hold
 * @queued: number of the last event that was made a message
 * @gesture_time: time of the last gesture that was made a message
 * @gesture_type: its type
 * @gap_queued: the gap was made a message
 * @bound: a slot refers to this entry
 * @ending: its binding has ended, but not all of its events are acknowledged
 * @absent_since: CLOCK_MONOTONIC when it went away
 * @forgotten: its messages are being removed from the broker
 * @forgets: number of removing messages that are not acknowledged
 * @pressed: the state after the last event
 * @unsure: lost events may have changed @pressed
 * @shown: the state that was sent last, or -1
 * @live_from: CLOCK_MONOTONIC; a later event is sent as state at once, an earlier one is history
 * @large_event: an event was too large for the broker, as reported
 * @large_gesture: likewise a gesture
 * @unacked: number of its events, gestures and gaps that are not acknowledged
 * @times: CLOCK_REALTIME of its last events, by number modulo TIMES
 */
struct entry {
	struct record record;
	char *topic;
	const struct button_settings *settings;
	struct gestures gestures;
	bool held;
	__u64 queued;
	__u64 gesture_time;
	unsigned int gesture_type;
	bool gap_queued;
	bool bound;
	bool ending;
	__u64 absent_since;
	bool forgotten;
	unsigned int forgets;
	bool pressed;
	bool unsure;
	int shown;
	__u64 live_from;
	bool large_event, large_gesture;
	size_t unacked;
	struct {
		__u64 seq;
		__u64 ns;
	} times[TIMES];
};

/**
 * struct slot - a node of the driver
 * @node: its name
 * @entry: the button that is bound to it, or NULL
 * @session: the button's, see device.h
 * @created: how often the node appeared since it was opened last; 0: it has been there since the start
 * @unpublished: note_unpublished() has seen the button of this @session
 */
struct slot {
	char *node;
	struct entry *entry;
	unsigned int session;
	unsigned int created;
	bool unpublished;
};

/**
 * struct service - all of it
 * @settings: the config file
 * @client: the connection
 * @ledger: what survives this process
 * @had_ledger: a complete ledger was read at the start
 * @started: the buttons that were there at the start have been looked at
 * @dirty: the ledger has changed since it was written
 * @durable: the change is worth a disk operation
 * @entry: labels, @entries of them
 * @set: the nodes
 * @slot: one for each of @set's buttons
 * @boot: which boot this is
 * @machine: which machine this is
 * @host_topic: topic of the service's own messages, without the last level
 * @birth_topic: Home Assistant's
 * @discovery_topic: of our message to it
 * @no_discovery: the broker refuses the discovery message
 * @other: the machine id of another service that uses our topics, as reported
 * @signals: descriptor for SIGTERM and SIGINT
 * @watch: inotify descriptor that reports new nodes
 * @epoll: all descriptors but those of @set
 * @watchdog_ns: the service manager's watchdog interval, or 0
 * @alive: CLOCK_MONOTONIC of the last message to the watchdog
 * @stop_at: when to end, or NEVER
 * @reported_up: the connection was up, as last reported to the service manager
 */
struct service {
	const struct settings *settings;
	struct client client;
	struct ledger ledger;
	bool had_ledger, started;
	bool dirty, durable;
	struct entry **entry;
	size_t entries;
	struct buttons set;
	struct slot *slot;
	char boot[BOOT_SIZE];
	char machine[20];
	char *host_topic, *birth_topic, *discovery_topic;
	bool no_discovery;
	char other[64];
	int signals, watch, epoll;
	unsigned long long watchdog_ns;
	__u64 alive, stop_at;
	bool reported_up;
};

/* --- Messages --- */

static char *join(const char *base, const char *last)
{
	char *topic;

	return asprintf(&topic, "%s/%s", base, last) < 0 ? NULL : topic;
}

static struct message *send_text(struct service *s, const char *base, const char *last, const char *text, bool retain)
{
	return client_send(&s->client, join(base, last), strdup(text), strlen(text), retain);
}

/* A JSON object whose text begins in open_json() and is sent by close_json() */
struct json {
	FILE *file;
	char *text;
	size_t size;
};

static bool open_json(struct json *j, const struct entry *e)
{
	*j = (struct json){ };
	j->file = open_memstream(&j->text, &j->size);
	if (!j->file) {
		complain("%s: a message is lost: %s", e->record.label, strerror(errno));
		return false;
	}
	fputs("{\"button\":", j->file);
	write_json_string(j->file, e->record.label);
	return true;
}

static struct message *close_json(struct service *s, struct entry *e, struct json *j, const char *last, enum kind kind, __u64 a,
				  __u64 b)
{
	struct message *m = NULL;

	fputs("}", j->file);
	if (!fclose(j->file))
		m = client_send(&s->client, join(e->topic, last), j->text, j->size, false);
	else
		free(j->text);
	if (!m)
		return NULL;
	m->lasting = true;
	m->owner = e;
	m->kind = kind;
	m->a = a;
	m->b = b;
	e->unacked++;
	return m;
}

static void print_seconds(FILE *f, const char *name, __u64 ns)
{
	fprintf(f, ",\"%s\":%llu.%09llu,\"%s_ns\":%llu", name, ns / NS_PER_S, ns % NS_PER_S, name, ns);
}

/* The date of an event. The last dates are kept, since a gesture has the date of an event that was sent shortly before. */
static bool realtime_of(struct entry *e, struct button *b, __u64 seq, __u64 *ns)
{
	typeof(&e->times[0]) t = &e->times[seq % TIMES];

	if (t->seq != seq) {
		if (!button_other_time(b, seq, CLOCK_REALTIME, ns))
			return false;
		t->seq = seq;
		t->ns = *ns;
	}
	*ns = t->ns;
	return true;
}

/*
 * Prints the time on both clocks. "time" is the date if the driver still knows the date.
 * @after: nanoseconds that passed since the event @seq
 */
static void print_times(FILE *f, struct entry *e, struct button *b, __u64 seq, __u64 monotonic, __u64 after)
{
	__u64 realtime;
	bool known = realtime_of(e, b, seq, &realtime);

	realtime += after;
	fprintf(f, ",\"clock\":\"%s\"", known ? "realtime" : "monotonic");
	print_seconds(f, "time", known ? realtime : monotonic);
	print_seconds(f, "monotonic", monotonic);
	if (known)
		fprintf(f, ",\"realtime_ns\":%llu", realtime);
}

static void print_binding(FILE *f, const char *boot, const char *binding)
{
	fprintf(f, ",\"boot\":\"%s\",\"binding\":\"%s\"", boot, binding);
}

static void send_event(struct service *s, struct entry *e, struct button *b, const struct button_irq_event *event)
{
	bool lost = event->type == BUTTON_IRQ_LOST;
	struct json j;

	if (!open_json(&j, e))
		return;
	fprintf(j.file, ",\"seq\":%llu,\"event\":\"%s\"", event->seq, event_name(event->type));
	/* The time of a lost event is that of the first event behind the gap. */
	print_times(j.file, e, b, lost ? event->seq + event->count : event->seq, event->timestamp_ns, 0);
	if (lost || event->type == BUTTON_IRQ_MISSED)
		fprintf(j.file, ",\"count\":%u", event->count);
	else
		fprintf(j.file, ",\"bounces\":%u", event->count);
	if (lost)
		fputs(",\"reason\":\"overrun\"", j.file);
	if (event->type == BUTTON_IRQ_RELEASE)
		print_seconds(j.file, "held", event->held_ns);
	print_binding(j.file, e->record.boot, e->record.binding);
	if (lost)
		close_json(s, e, &j, "event", KIND_EVENT, event->seq + event->count - 1, event->count);
	else
		close_json(s, e, &j, "event", KIND_EVENT, event->seq, 0);
}

static void print_lost(FILE *f, __u64 seq, __u64 count, const char *reason)
{
	fprintf(f, ",\"seq\":%llu,\"event\":\"lost\",\"count\":", seq);
	if (count == GAP_UNKNOWN)
		fputs("null", f);
	else
		fprintf(f, "%llu", count);
	fprintf(f, ",\"reason\":\"%s\"", reason);
}

static void send_gap(struct service *s, struct entry *e)
{
	const struct gap *g = &e->record.gap;
	struct message *m;
	struct json j;

	if (!*g->reason || e->gap_queued || !open_json(&j, e))
		return;
	e->gap_queued = true;
	print_lost(j.file, g->seq, g->count, g->reason);
	print_binding(j.file, g->boot, g->binding);
	m = close_json(s, e, &j, "event", KIND_GAP, 0, 0);
	if (m)
		m->minimal = true;
}

/* Sends the state, unless the broker has it already. */
static void show(struct service *s, struct entry *e)
{
	if (s->client.state != CLIENT_UP || e->shown == e->pressed)
		return;
	e->shown = e->pressed;
	send_text(s, e->topic, "state", e->pressed ? "pressed" : "released", true);
}

static void show_availability(struct service *s, struct entry *e)
{
	if (s->client.state == CLIENT_UP)
		send_text(s, e->topic, "availability", e->bound ? "online" : "offline", true);
}

/* --- Gestures --- */

static const char *gesture_name(unsigned int type)
{
	return type == GESTURE_HOLD_END ? "hold_end" : gesture_names[type];
}

/* Home Assistant's event types for the gestures, see developers.home-assistant.io, event entity */
static const char *gesture_event_type(unsigned int type)
{
	switch (type) {
	case GESTURE_CLICK: return "press_end";
	case GESTURE_DOUBLE: return "multi_press_end";
	case GESTURE_HOLD: return "long_press_start";
	case GESTURE_HOLD_END: return "long_press_end";
	default: return gesture_names[type];
	}
}

struct found {
	struct service *s;
	struct entry *e;
	struct button *b;
};

static void send_gesture(const struct found *found, const struct gesture *f, unsigned int type)
{
	struct entry *e = found->e;
	bool later = type == GESTURE_HOLD || type == GESTURE_REPEAT;
	struct message *m;
	struct json j;

	if (!open_json(&j, e))
		return;
	fprintf(j.file, ",\"seq\":%llu,\"gesture\":\"%s\",\"event_type\":\"%s\"", f->seq, gesture_name(type),
		gesture_event_type(type));
	if (type == GESTURE_DOUBLE)
		fputs(",\"multi_press_count\":2", j.file);
	print_times(j.file, e, found->b, f->seq, f->time, later ? f->held : 0);
	if (type != GESTURE_DOUBLE)
		print_seconds(j.file, "held", f->held);
	print_binding(j.file, e->record.boot, e->record.binding);
	m = close_json(found->s, e, &j, "gesture", KIND_GESTURE, f->time, type);
	if (m && e->settings->max_age_ns)
		m->not_after = f->known + e->settings->max_age_ns + found->b->slack_ns;
}

/*
 * The recogniser is given all events that the driver still has, also those that were acknowledged, since a gesture may
 * have begun with one of them. It finds the same gestures again: those that were sent are skipped by their time.
 */
static void take(void *data, const struct gesture *f)
{
	const struct found *found = data;
	struct entry *e = found->e;
	__u64 now = clock_ns(CLOCK_MONOTONIC), age = now > f->known ? now - f->known : 0;
	unsigned int type = f->type;

	if (type == GESTURE_PRESS || (type == GESTURE_RELEASE && !e->held)) {
		e->held = false;
		return;
	}
	if (type == GESTURE_HOLD)
		e->held = true;
	if (type == GESTURE_RELEASE) {
		type = GESTURE_HOLD_END;
		e->held = false;
	}
	if (f->time < e->gesture_time || (f->time == e->gesture_time && type <= e->gesture_type))
		return;
	/*
	 * With other times in the settings than before a restart, the recogniser may find a hold or a second click in a
	 * press that was sent as a click or as a double click.
	 */
	if ((e->gesture_type == GESTURE_CLICK || e->gesture_type == GESTURE_DOUBLE) && type != GESTURE_DOUBLE &&
	    f->time - f->held <= e->gesture_time)
		return;
	e->gesture_time = f->time;
	e->gesture_type = type;
	if (e->settings->max_age_ns && age > e->settings->max_age_ns + found->b->slack_ns)
		complain("%s: %s %llu is %.1f s old and not sent (max-age %.1f s)", e->record.label, gesture_name(type),
			 f->seq, (double)age / NS_PER_S, (double)e->settings->max_age_ns / NS_PER_S);
	else
		send_gesture(found, f, type);
}

/* --- Labels --- */

static void reset_gestures(struct entry *e)
{
	e->gestures = (struct gestures){
		.hold_ns = e->settings->hold_ns, .double_ns = e->settings->double_ns, .repeat_ns = e->settings->repeat_ns,
	};
	e->held = false;
}

static struct entry *entry_of(struct service *s, const char *label, bool add)
{
	struct entry **more, *e;
	char *level;
	size_t i;

	for (i = 0; i < s->entries; i++)
		if (!strcmp(s->entry[i]->record.label, label))
			return s->entry[i];
	if (!add)
		return NULL;
	more = reallocarray(s->entry, s->entries + 1, sizeof(*more));
	if (more)
		s->entry = more;
	e = more ? calloc(1, sizeof(*e)) : NULL;
	level = escape_level(label);
	if (e && level && asprintf(&e->topic, "%s/%s", s->host_topic, level) < 0)
		e->topic = NULL;
	free(level);
	if (!e || !e->topic) {
		complain("%s: %s", label, strerror(ENOMEM));
		free(e);
		return NULL;
	}
	snprintf(e->record.label, sizeof(e->record.label), "%s", label);
	e->settings = settings_of(s->settings, label);
	e->shown = -1;
	s->entry[s->entries++] = e;
	return e;
}

static void remove_entry(struct service *s, struct entry *e)
{
	size_t i;

	for (i = 0; i < s->entries && s->entry[i] != e; i++)
		;
	s->entry[i] = s->entry[--s->entries];
	free(e->topic);
	free(e);
}

static void save(struct service *s)
{
	struct record *records[s->entries + 1];
	size_t i;

	if (!s->dirty)
		return;
	for (i = 0; i < s->entries; i++)
		records[i] = &s->entry[i]->record;
	records[i] = NULL;
	/* Where it could not be written, the next acknowledgement tries again. */
	if (ledger_write(&s->ledger, records, s->durable))
		s->durable = false;
	s->dirty = false;
}

/* --- Home Assistant --- */

/* Describes all buttons; @removed is one that Home Assistant is to forget, or NULL. */
static void send_discovery(struct service *s, const struct entry *removed)
{
	struct ha_button buttons[s->entries + 1];
	char *payload, *availability;
	struct message *m;
	size_t i, n = 0;

	if (!s->settings->discovery || s->no_discovery || s->client.state != CLIENT_UP)
		return;
	for (i = 0; i < s->entries; i++) {
		const struct entry *e = s->entry[i];

		if (e->record.removed || (e->forgotten && e != removed))
			continue;
		buttons[n++] = (struct ha_button){
			.label = e->record.label, .topic = e->topic, .settings = e->settings, .removed = e == removed,
		};
	}
	availability = join(s->host_topic, "availability");
	payload = availability ? ha_payload(s->settings, s->machine, availability, buttons, n) : NULL;
	free(availability);
	m = client_send(&s->client, strdup(s->discovery_topic), payload, payload ? strlen(payload) : 0, true);
	if (m)
		m->kind = KIND_DISCOVERY;
	/* Recorded before the message is sent, so that a later run can remove whatever the broker may have. */
	if (n && (!s->ledger.discovery || strcmp(s->ledger.discovery, s->discovery_topic))) {
		free(s->ledger.discovery);
		s->ledger.discovery = strdup(s->discovery_topic);
		s->dirty = s->durable = true;
		save(s);
	}
}

/* Removes the discovery message of an earlier configuration. */
static void remove_old_discovery(struct service *s)
{
	struct message *m;

	if (!s->ledger.discovery || s->no_discovery || (s->settings->discovery && !strcmp(s->ledger.discovery, s->discovery_topic)))
		return;
	m = client_send_text(&s->client, s->ledger.discovery, "", true);
	if (m)
		m->kind = KIND_DISCOVERY;
}

/* Removes what the broker keeps of a button that is gone for good. */
static void forget(struct service *s, struct entry *e)
{
	struct message *m;

	if (!e->forgotten)
		complain("%s: %s: its messages are removed from the broker", e->record.label,
			 e->settings->publish ? "absent for longer than forget-after" : "publish = no");
	e->forgotten = true;
	send_discovery(s, e);
	send_discovery(s, NULL);
	send_text(s, e->topic, "state", "", true);
	m = send_text(s, e->topic, "availability", "", true);
	if (m) {
		m->kind = KIND_FORGET;
		m->owner = e;
		e->forgets++;
	}
}

/* --- Called by the client --- */

static void show_all(struct service *s, struct slot *slot, struct button *b)
{
	struct entry *e = slot->entry;
	struct button_irq_info info;

	e->live_from = clock_ns(CLOCK_MONOTONIC);
	e->shown = -1;
	/* The end of a binding is read after its last event, but the button is offline already. */
	if (ioctl(b->fd, BUTTON_IRQ_IOC_GET_INFO, &info)) {
		send_text(s, e->topic, "availability", "offline", true);
		return;
	}
	show_availability(s, e);
	e->shown = info.state == BUTTON_IRQ_STATE_PRESSED;
	send_text(s, e->topic, "state", e->shown ? "pressed" : "released", true);
}

static void connected(void *data)
{
	struct service *s = data;
	char *topic = join(s->host_topic, "machine");
	size_t i;

	if (topic)
		client_subscribe(&s->client, topic);
	free(topic);
	if (s->settings->discovery)
		client_subscribe(&s->client, s->birth_topic);
	send_text(s, s->host_topic, "machine", s->machine, true);
	send_text(s, s->host_topic, "availability", "online", true);
	for (i = 0; i < s->set.n; i++)
		if (s->slot[i].entry && s->set.button[i].fd >= 0)
			show_all(s, &s->slot[i], &s->set.button[i]);
	remove_old_discovery(s);
	send_discovery(s, NULL);
	for (i = 0; i < s->entries; i++) {
		/* The removing messages of the last connection were dropped. */
		s->entry[i]->forgets = 0;
		if (s->entry[i]->forgotten)
			forget(s, s->entry[i]);
		else if (!s->entry[i]->bound && !s->entry[i]->record.removed)
			show_availability(s, s->entry[i]);
	}
}

static void received(void *data, const char *topic, const char *payload, size_t length)
{
	struct service *s = data;

	if (s->birth_topic && !strcmp(topic, s->birth_topic)) {
		if (length == strlen("online") && !memcmp(payload, "online", length))
			send_discovery(s, NULL);
		return;
	}
	/* Only the machine's topic is left. */
	if (!length || length >= sizeof(s->other) || (length == strlen(s->machine) && !memcmp(payload, s->machine, length)) ||
	    (length == strlen(s->other) && !memcmp(payload, s->other, length)))
		return;
	snprintf(s->other, sizeof(s->other), "%.*s", (int)length, payload);
	complain("another machine uses, or used, the topics %s/...: give one of them another name (host = ...)", s->host_topic);
}

static void end_binding(struct service *s, struct entry *e)
{
	if (!e->ending || e->unacked)
		return;
	e->ending = false;
	e->record.ended = true;
	s->dirty = s->durable = true;
}

static bool is_inode(const char *directory, const char *node, const char *binding)
{
	char path[PATH_SIZE], inode[BINDING_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", directory, node);
	if (stat(path, &st))
		return false;
	snprintf(inode, sizeof(inode), "%llx", (unsigned long long)st.st_ino);
	return !strcmp(inode, binding);
}

/* Is a button still bound as in its record? This service may lack the permission to open that button. */
static bool binding_exists(const struct service *s, const struct record *r)
{
	bool found = false;
	char **nodes;
	int i, n;

	if (strcmp(r->boot, s->boot))
		return false;
	n = button_nodes(&nodes);
	/* The two inodes that read_binding() uses */
	for (i = 0; i < n && !found; i++)
		found = is_inode(CLASS_DIR, nodes[i], r->binding) || is_inode(ROOT "/dev", nodes[i], r->binding);
	if (n >= 0)
		button_nodes_free(nodes, n);
	return found;
}

/* Reports once for a label that its messages are too large. */
static void say_too_large(const struct message *m, bool *reported, const char *consequence)
{
	if (*reported)
		return;
	*reported = true;
	complain("%s: the broker does not accept a message of %zu bytes (max_packet_size of mosquitto): %s", m->topic,
		 m->length, consequence);
}

/* An event that the broker does not accept is sent as lost, in the same place, which takes half as many bytes. */
static bool too_large(void *data, struct message *m)
{
	struct entry *e = m->owner;
	__u64 count = m->b ?: 1;
	struct json j;

	(void)data;
	if (m->kind == KIND_GESTURE) {
		say_too_large(m, &e->large_gesture, "such gestures are not sent");
		return false;
	}
	if (m->minimal) {
		complain("%s: the broker does not accept a message of %zu bytes: %s", m->topic, m->length, m->payload);
		return false;
	}
	say_too_large(m, &e->large_event, "such events are sent as lost");
	if (!open_json(&j, e))
		return false;
	print_lost(j.file, m->a - count + 1, count, m->b ? "overrun" : "too-large");
	print_binding(j.file, e->record.boot, e->record.binding);
	fputs("}", j.file);
	if (fclose(j.file)) {
		free(j.text);
		return false;
	}
	free(m->payload);
	m->payload = j.text;
	m->length = j.size;
	return true;
}

static void done(void *data, const struct message *m)
{
	struct service *s = data;
	struct entry *e = m->owner;

	switch ((enum kind)m->kind) {
	case KIND_PLAIN:
		return;
	case KIND_DISCOVERY:
		/* Some brokers also end the connection at a refused message, so the discovery message is not sent again. */
		if (m->refused && !s->no_discovery)
			complain("no discovery until this service is restarted: the broker refuses it");
		s->no_discovery |= m->refused;
		/* The message was empty: the broker keeps no discovery message any more. */
		if (!m->refused && !m->length && s->ledger.discovery && !strcmp(s->ledger.discovery, m->topic)) {
			free(s->ledger.discovery);
			s->ledger.discovery = NULL;
			s->dirty = s->durable = true;
		}
		return;
	case KIND_FORGET:
		/* The button may have come back meanwhile. */
		if (!--e->forgets && e->forgotten && !e->unacked) {
			e->forgotten = false;
			e->record.removed = true;
			/* A button that can be opened again continues where the acknowledgements ended. */
			if (!binding_exists(s, &e->record))
				remove_entry(s, e);
			s->dirty = s->durable = true;
		}
		return;
	case KIND_EVENT:
		e->record.acked = m->a;
		break;
	case KIND_GESTURE:
		e->record.gesture_time = m->a;
		e->record.gesture_type = m->b;
		break;
	case KIND_GAP:
		e->record.gap = (struct gap){ };
		e->gap_queued = false;
		break;
	}
	e->unacked--;
	s->dirty = true;
	end_binding(s, e);
}

/* --- Buttons --- */

/* Identify a binding: each has its own directory in sysfs, whose inode number is not reused within a boot. */
static void read_binding(const struct button *b, char *binding)
{
	char path[PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/", b->node);
	/* A container may have no sysfs. Then the inode of the node is used. */
	if ((*b->node && !stat(path, &st)) || !fstat(b->fd, &st))
		snprintf(binding, BINDING_SIZE, "%llx", (unsigned long long)st.st_ino);
	else
		strcpy(binding, "0");
}

static void set_gap(struct entry *e, const char *reason, const char *boot, const char *binding, __u64 seq, __u64 count)
{
	struct gap *g = &e->record.gap;

	/* The broker has not acknowledged the gap before this one. One gap of unknown length reports both. */
	if (*g->reason) {
		g->count = GAP_UNKNOWN;
		return;
	}
	*g = (struct gap){ .seq = seq, .count = count };
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	snprintf(g->boot, sizeof(g->boot), "%s", boot);
	snprintf(g->binding, sizeof(g->binding), "%s", binding);
	if (count == GAP_UNKNOWN)
		complain("%s: events behind %llu may be lost (%s)", e->record.label, seq - 1, reason);
	else
		complain("%s: %llu events are lost (%s)", e->record.label, count, reason);
}

/*
 * Begins a binding that the ledger does not know, all of whose events are new. Unacknowledged events of the binding in the
 * ledger may be lost: the ring that held them is gone.
 */
static void begin_binding(struct service *s, struct entry *e, const struct slot *slot, const char *binding)
{
	struct record *r = &e->record;
	bool rebooted = strcmp(r->boot, s->boot);
	const char *reason = rebooted ? "reboot" : "rebound";

	if (*r->boot && !r->ended) {
		if (!rebooted || !r->stopped)
			set_gap(e, reason, r->boot, r->binding, r->acked + 1, GAP_UNKNOWN);
		else if (r->pending)
			set_gap(e, reason, r->boot, r->binding, r->acked + 1, r->pending);
	} else if (slot->created > 1) {
		/* The node came, went and came again while the last binding's events were still being read. */
		set_gap(e, reason, s->boot, "", 1, GAP_UNKNOWN);
	}
	snprintf(r->boot, sizeof(r->boot), "%s", s->boot);
	snprintf(r->binding, sizeof(r->binding), "%s", binding);
	r->acked = r->gesture_time = 0;
	r->gesture_type = 0;
}

/* Excludes all events up to now from being sent. */
static void skip_events(struct record *r, const struct button_state *state)
{
	r->acked = state->seq;
	r->gesture_time = state->time;
	r->gesture_type = GESTURE_ALL;
}

/* At the first start it is unknown which events were sent before, so only later events are sent. */
static void begin_first(struct service *s, struct entry *e, const char *binding, const struct button_state *state)
{
	struct record *r = &e->record;

	begin_binding(s, e, &(struct slot){ }, binding);
	skip_events(r, state);
	if (state->seq)
		set_gap(e, "first-start", s->boot, binding, 1, state->seq);
}

static bool published(const struct service *s, const struct button *b)
{
	return settings_of(s->settings, b->label)->publish;
}

/*
 * Remembers a button that is not to be published, so that its events up to now are not sent once it is published.
 * Its label may be known from a time when it was published: then forget_absent() removes its messages.
 */
static void note_unpublished(struct service *s, struct slot *slot, const struct button *b)
{
	struct entry *e = entry_of(s, b->label, false);
	char binding[BINDING_SIZE];
	struct record *r;

	if (slot->unpublished && slot->session == b->session)
		return;
	slot->unpublished = true;
	slot->session = b->session;
	if (!e) {
		e = entry_of(s, b->label, true);
		if (!e)
			return;
		e->record.removed = true;
	}
	r = &e->record;
	read_binding(b, binding);
	if (r->unpublished && !strcmp(r->boot, s->boot) && !strcmp(r->binding, binding))
		return;
	snprintf(r->boot, sizeof(r->boot), "%s", s->boot);
	snprintf(r->binding, sizeof(r->binding), "%s", binding);
	/* Nothing of this binding, or of one before, is left to be sent. */
	r->ended = r->unpublished = true;
	s->dirty = s->durable = true;
}

/* The button in a slot was opened. Returns whether its events can be read now. */
static bool bind_slot(struct service *s, struct slot *slot, struct button *b)
{
	struct button_irq_event ignored[BATCH];
	struct button_state state;
	char binding[BINDING_SIZE];
	struct record *r;
	struct entry *e;

	if (!published(s, b)) {
		note_unpublished(s, slot, b);
		while (button_read(&s->set, b, ignored, BATCH) > 0)
			;
		return false;
	}
	e = entry_of(s, b->label, true);
	/* The last binding of this label comes first, so that the ledger has to know one at a time. */
	if (!e || e->bound || e->unacked || e->ending)
		return false;
	if (button_state(b, true, &state)) {
		/* The button was unbound meanwhile, with an unknown number of events. button_read() notices the end. */
		button_read(&s->set, b, ignored, BATCH);
		set_gap(e, "rebound", s->boot, "", 1, GAP_UNKNOWN);
		send_gap(s, e);
		return false;
	}
	r = &e->record;
	read_binding(b, binding);
	/* At the first start the node may exist before this service has the permission to open it. */
	if (!*r->boot && !s->had_ledger && (!s->started || !slot->created))
		begin_first(s, e, binding, &state);
	else if (r->unpublished && !strcmp(r->boot, s->boot) && !strcmp(r->binding, binding))
		skip_events(r, &state);
	else if (strcmp(r->boot, s->boot) || strcmp(r->binding, binding) || state.seq < r->acked)
		begin_binding(s, e, slot, binding);
	r->ended = r->stopped = r->removed = r->unpublished = false;
	r->pending = 0;
	s->dirty = s->durable = true;
	e->queued = r->acked;
	e->gesture_time = r->gesture_time;
	e->gesture_type = r->gesture_type;
	memset(e->times, 0, sizeof(e->times));
	reset_gestures(e);
	e->pressed = state.pressed;
	e->unsure = false;
	e->bound = true;
	slot->entry = e;
	slot->session = b->session;
	slot->created = 0;
	e->forgotten = false;
	send_gap(s, e);
	if (s->client.state == CLIENT_UP) {
		show_all(s, slot, b);
		send_discovery(s, NULL);
	}
	return true;
}

static void unbind_slot(struct service *s, struct slot *slot, struct button *b)
{
	struct entry *e = slot->entry;
	struct found found = { s, e, b };

	/* A press whose release cannot be seen is no hold. */
	gestures_end(&e->gestures, take, &found);
	slot->entry = NULL;
	e->bound = false;
	e->ending = true;
	e->absent_since = clock_ns(CLOCK_MONOTONIC);
	show_availability(s, e);
	end_binding(s, e);
}

static void take_event(const struct found *found, const struct button_irq_event *read)
{
	struct button_irq_event event = *read, lost = { .type = BUTTON_IRQ_LOST, .timestamp_ns = read->timestamp_ns };
	struct service *s = found->s;
	struct entry *e = found->e;
	__u64 last = event.type == BUTTON_IRQ_LOST ? event.seq + event.count - 1 : event.seq;

	if (last > e->queued) {
		if (event.type == BUTTON_IRQ_LOST && event.seq <= e->queued) {
			event.seq = e->queued + 1;
			event.count = last - e->queued;
		}
		/* The driver's ring did not keep as many events as happened while nobody read. */
		if (event.seq > e->queued + 1) {
			lost.seq = e->queued + 1;
			lost.count = event.seq - lost.seq;
			send_event(s, e, found->b, &lost);
			gestures_end(&e->gestures, take, (void *)found);
			e->unsure = true;
		}
		if (event.type == BUTTON_IRQ_LOST || event.type == BUTTON_IRQ_MISSED)
			complain("%s: %u %s", e->record.label, event.count, event_name(event.type));
		send_event(s, e, found->b, &event);
		e->queued = last;
	}
	if (event.type == BUTTON_IRQ_PRESS || event.type == BUTTON_IRQ_RELEASE) {
		e->pressed = event.type == BUTTON_IRQ_PRESS;
		e->unsure = false;
		if (event.timestamp_ns >= e->live_from)
			show(s, e);
	} else {
		e->unsure = true;
	}
	gestures_event(&e->gestures, &event, take, (void *)found);
}

/* Called when all events were read. */
static void catch_up(const struct found *found)
{
	struct button_irq_info info;
	struct entry *e = found->e;

	if (e->unsure && !ioctl(found->b->fd, BUTTON_IRQ_IOC_GET_INFO, &info))
		e->pressed = info.state == BUTTON_IRQ_STATE_PRESSED;
	e->unsure = false;
	show(found->s, e);
}

/* Opens the button if that is possible. Returns whether the slot's events may be read. */
static bool open_slot(struct service *s, size_t i)
{
	struct button *b = &s->set.button[i];

	if (!button_open(&s->set, b))
		return false;
	return s->slot[i].entry || bind_slot(s, &s->slot[i], b);
}

/* Reads events of one button. Returns whether there were any, and lowers @wake to when the button has to be read again. */
static bool read_slot(struct service *s, size_t i, __u64 *wake)
{
	struct slot *slot = &s->slot[i];
	struct button *b = &s->set.button[i];
	struct found found = { s, slot->entry, b };
	struct gestures *g = &found.e->gestures;
	/* Taken before reading, so that all events up to this time are read. */
	__u64 now = clock_ns(CLOCK_MONOTONIC), due;
	struct button_irq_event events[BATCH];
	int k, n = button_read(&s->set, b, events, BATCH);

	if (b->session != slot->session) {
		unbind_slot(s, slot, b);
		return true;
	}
	if (n < 0) {
		complain("%s: %s", button_name(b), strerror(-n));
		*wake = now + NS_PER_S < *wake ? now + NS_PER_S : *wake;
		return false;
	}
	for (k = 0; k < n; k++)
		take_event(&found, &events[k]);
	if (n < BATCH) {
		catch_up(&found);
		gestures_time(g, button_horizon(b, now), take, &found);
	}
	due = gestures_deadline(g);
	if (due != GESTURE_NO_DEADLINE && button_horizon_due(b, due) < *wake)
		*wake = button_horizon_due(b, due);
	return n > 0;
}

/* Counts nodes that appear, and adds those that are new. */
static void look_for_buttons(struct service *s)
{
	struct buttons new = s->set;
	struct slot *more;
	char **nodes, **names;
	int i, n = button_nodes(&nodes);
	size_t k, count = s->set.n;

	if (n < 0)
		return;
	more = reallocarray(s->slot, s->set.n + n + 1, sizeof(*more));
	names = calloc(s->set.n + n + 1, sizeof(*names));
	if (more)
		s->slot = more;
	for (i = 0; more && i < n; i++) {
		for (k = 0; k < count && strcmp(s->slot[k].node, nodes[i]); k++)
			;
		if (k == count && (more[count] = (struct slot){ .node = strdup(nodes[i]), .created = s->started }).node)
			count++;
	}
	button_nodes_free(nodes, n);
	for (k = 0; names && k < count; k++)
		names[k] = s->slot[k].node;
	if (names && count > s->set.n && !buttons_open(&new, names, count, &s->set))
		s->set = new;
	free(names);
}

static void take_news(struct service *s)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *news;
	bool any = false;
	ssize_t n, at;
	size_t i;

	while ((n = read(s->watch, buffer, sizeof(buffer))) > 0) {
		any = true;
		for (at = 0; at < n; at += sizeof(*news) + news->len) {
			news = (const struct inotify_event *)(buffer + at);
			for (i = 0; news->len && i < s->set.n; i++)
				s->slot[i].created += news->mask & (IN_CREATE | IN_MOVED_TO) &&
						      !strcmp(s->slot[i].node, news->name);
		}
	}
	if (any)
		look_for_buttons(s);
}

/* Removes buttons that have been absent for too long. Returns when to check again. */
static __u64 forget_absent(struct service *s, __u64 now)
{
	__u64 next = NEVER;
	size_t i;

	for (i = 0; i < s->entries; i++) {
		struct entry *e = s->entry[i];
		__u64 due = e->absent_since ? e->absent_since + s->settings->forget_ns : 0;

		if (e->bound || e->forgotten || e->record.removed || s->client.state != CLIENT_UP)
			continue;
		if (due <= now)
			forget(s, e);
		else if (due < next)
			next = due;
	}
	return next;
}

/* --- The loop --- */

static void notify_manager(struct service *s, __u64 now)
{
	char text[200];
	bool up = s->client.state == CLIENT_UP;

	/* Sent whenever the service is awake, so that the watchdog alone hardly ever wakes the service. */
	if (s->watchdog_ns && now >= s->alive + s->watchdog_ns / 2) {
		notify("WATCHDOG=1");
		s->alive = now;
	}
	if (up == s->reported_up && s->started)
		return;
	s->reported_up = up;
	snprintf(text, sizeof(text), "%sSTATUS=%s %s port %lu", s->started ? "" : "READY=1\n",
		 up ? "connected to" : "no connection to", s->settings->broker, s->settings->port);
	notify(text);
}

static void take_signals(struct service *s, __u64 now)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			complain("restart this service after a change of its configuration; no event is lost");
			continue;
		}
		if (s->stop_at == NEVER && s->client.state == CLIENT_UP)
			send_text(s, s->host_topic, "availability", "offline", true);
		s->stop_at = now + (s->stop_at == NEVER ? STOP_NS : 0);
	}
}

static bool ended(const struct service *s, __u64 now)
{
	return s->stop_at != NEVER && (now >= s->stop_at || s->client.state != CLIENT_UP || !s->client.waiting);
}

static __u64 earlier(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static void run(struct service *s)
{
	for (;;) {
		__u64 now = clock_ns(CLOCK_MONOTONIC), wake;
		bool any = false, stopping, pending = false;
		size_t i;

		take_signals(s, now);
		stopping = s->stop_at != NEVER;
		take_news(s);
		for (i = 0; i < s->set.n; i++)
			open_slot(s, i);
		wake = client_work(&s->client);
		save(s);
		if (ended(s, now))
			return;
		s->set.paused = stopping || !client_has_room(&s->client);
		for (i = 0; i < s->set.n && !stopping; i++) {
			if (!client_has_room(&s->client)) {
				s->set.paused = true;
				break;
			}
			if (open_slot(s, i))
				any |= read_slot(s, i, &wake);
			else
				pending |= s->set.button[i].fd >= 0 && published(s, &s->set.button[i]);
		}
		/* A button is not read before all events of its previous binding are acknowledged, and must not wake us. */
		s->set.paused |= pending;
		wake = earlier(wake, forget_absent(s, now));
		notify_manager(s, now);
		s->started = true;
		save(s);
		/* client_work() above sends new messages. Their acknowledgements may be what a button waits for. */
		if (any || client_can_send(&s->client))
			continue;
		if (s->watchdog_ns)
			wake = earlier(wake, s->alive + s->watchdog_ns);
		wake = earlier(wake, s->stop_at);
		now = clock_ns(CLOCK_MONOTONIC);
		if (wake == NEVER)
			buttons_wait(&s->set, s->epoll, -1);
		else if (wake > now)
			buttons_wait(&s->set, s->epoll, wake - now);
	}
}

/* --- Beginning and end --- */

static void read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	*text = '\0';
	if (file && !fgets(text, size, file))
		*text = '\0';
	if (file)
		fclose(file);
	text[strcspn(text, "\n ")] = '\0';
}

/*
 * An identifier that stays with this machine, and is not machine-id(5) itself, which is confidential: 64 bits of FNV-1a
 * do not tell its 128.
 */
static void read_machine(struct service *s)
{
	unsigned long long hash = 0xcbf29ce484222325ULL;
	char text[80] = "button-irq-mqtt ";
	const char *c;

	read_line(ROOT "/etc/machine-id", text + strlen(text), sizeof(text) - strlen(text));
	if (text[strlen(text) - 1] == ' ') {
		complain("no /etc/machine-id: machines of one name cannot be distinguished");
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", s->settings->host);
	}
	for (c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	snprintf(s->machine, sizeof(s->machine), "%016llx", hash);
}

static bool make_names(struct service *s)
{
	const struct settings *settings = s->settings;
	char *level = escape_level(settings->host);

	read_line(ROOT "/proc/sys/kernel/random/boot_id", s->boot, sizeof(s->boot));
	if (!*s->boot)
		strcpy(s->boot, "unknown");
	read_machine(s);
	if (level && asprintf(&s->host_topic, "%s/%s", settings->topic, level) < 0)
		s->host_topic = NULL;
	s->birth_topic = ha_birth_topic(settings);
	s->discovery_topic = ha_topic(settings, s->machine);
	s->client.will_topic = s->host_topic ? join(s->host_topic, "availability") : NULL;
	if (settings->client_id)
		s->client.id = strdup(settings->client_id);
	else if (level && asprintf(&s->client.id, "button-irq-%.64s-%.8s", level, s->machine) < 0)
		s->client.id = NULL;
	free(level);
	return s->host_topic && s->birth_topic && s->discovery_topic && s->client.will_topic && s->client.id;
}

static void add_descriptor(struct service *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool open_descriptors(struct service *s)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	s->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->signals < 0 || s->watch < 0 || s->epoll < 0) {
		complain("%s", strerror(errno));
		return false;
	}
	/* Deletions are watched as well, because inotify merges two creations in a row. */
	if (inotify_add_watch(s->watch, ROOT "/dev", IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0)
		complain("/dev: %s: buttons that come later are not noticed", strerror(errno));
	add_descriptor(s, s->signals);
	add_descriptor(s, s->watch);
	return true;
}

/* Adds the buttons in the ledger, of which the broker keeps messages. */
static void add_known(struct service *s, const struct record *records, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct entry *e;

		/* The record of a removed button is of use only while its binding exists. */
		if (records[i].removed && !binding_exists(s, &records[i]))
			continue;
		e = entry_of(s, records[i].label, true);
		if (!e)
			continue;
		e->record = records[i];
		/* Buttons that are not published any more are forgotten at once. */
		e->absent_since = e->settings->publish ? clock_ns(CLOCK_MONOTONIC) : 0;
	}
}

/* Records how many events are not acknowledged: after a reboot the driver does not know. */
static void count_pending(struct service *s)
{
	struct button_state state;
	size_t i;

	for (i = 0; i < s->set.n; i++) {
		struct entry *e = s->slot[i].entry;

		if (!e || button_state(&s->set.button[i], false, &state))
			continue;
		e->record.pending = state.seq > e->record.acked ? state.seq - e->record.acked : 0;
		e->record.stopped = true;
	}
	s->dirty = s->durable = true;
}

static void clean_up(struct service *s)
{
	size_t i;

	for (i = 0; i < s->set.n; i++)
		free(s->slot[i].node);
	buttons_close(&s->set);
	free(s->slot);
	while (s->entries)
		remove_entry(s, s->entry[0]);
	free(s->entry);
	free(s->host_topic);
	free(s->birth_topic);
	free(s->discovery_topic);
	ledger_close(&s->ledger);
}

int serve(const struct settings *settings, const char *state, bool *in_use)
{
	/* Static: a thread that still connects when this function returns uses it. */
	static struct service s;
	struct record *records;
	size_t n;

	s = (struct service){
		.settings = settings, .stop_at = NEVER,
		.set = { .clock = CLOCK_MONOTONIC, .history = true, .follow = true, .watch = -1 },
		.client = {
			.settings = settings, .connected = connected, .done = done, .too_large = too_large,
			.received = received, .data = &s,
		},
	};
	s.watchdog_ns = notify_begin();
	if (!make_names(&s)) {
		complain("%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	if (!open_descriptors(&s))
		return EXIT_FAILED;
	s.client.epoll = s.epoll;
	if (!client_begin(&s.client))
		return EXIT_FAILED;
	s.had_ledger = ledger_open(&s.ledger, state, &records, &n);
	add_known(&s, records, n);
	free(records);
	look_for_buttons(&s);
	run(&s);
	notify("STOPPING=1");
	count_pending(&s);
	save(&s);
	if (s.client.again)
		complain("%llu messages were sent again, after their connection ended unacknowledged", s.client.again);
	*in_use = s.client.state == CLIENT_CONNECTING;
	client_end(&s.client);
	clean_up(&s);
	return EXIT_OK;
}
