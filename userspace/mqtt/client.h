/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection to the broker, and the messages that it has not acknowledged
 *
 * libmosquitto is given a bounded number of messages at a time, and a new client after each end of a connection: which
 * message is sent again, and in which order, is decided here alone.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <linux/types.h>

#include "settings.h"

struct mosquitto;

/*
 * Messages that may be in flight; as many can arrive twice after a crash. Enough for 80 messages a second at a round trip
 * of 100 ms.
 */
#define CLIENT_WINDOW	8

/**
 * struct message - a message that the broker has not acknowledged
 * @next: the next message
 * @topic: its topic
 * @payload: @length bytes
 * @length: of @payload
 * @retain: the broker keeps it for later subscribers
 * @lasting: sent again over a new connection. The caller makes other messages anew in @connected.
 * @mid: libmosquitto's number
 * @sent: given to libmosquitto
 * @acked: acknowledged or dropped; @done may still wait for earlier messages
 * @refused: dropped, because the broker refuses the message
 * @was_sent: was sent in an earlier connection
 * @minimal: there is no shorter message to send instead
 * @ends: connections that the broker ended while this was the only message in flight
 * @owner: the caller's own, for @done
 * @kind: likewise
 * @a: likewise
 * @b: likewise
 * @not_after: CLOCK_MONOTONIC from which on the message is too old to be sent, or 0
 */
struct message {
	struct message *next;
	char *topic;
	char *payload;
	size_t length;
	bool retain;
	bool lasting;
	int mid;
	bool sent;
	bool acked;
	bool refused;
	bool was_sent;
	bool minimal;
	unsigned int ends;
	void *owner;
	int kind;
	__u64 a;
	__u64 b;
	__u64 not_after;
};

enum client_state { CLIENT_DOWN, CLIENT_CONNECTING, CLIENT_WAITING, CLIENT_UP };

/**
 * struct client - the connection
 * @settings: the broker, and the options of the connection
 * @id: client id
 * @will_topic: of the last will, whose payload is "offline"
 * @epoll: descriptor that is readable when there is something to do
 * @connected: called for each new connection, before anything is sent
 * @done: called for each message that was acknowledged or dropped (@refused), in the order in which they were sent
 * @too_large: called for a lasting message that is larger than the broker accepts. Returns true if it has replaced the
 *	payload by a shorter one, false if the message is to be dropped.
 * @received: called for each message that comes in
 * @data: the caller's own
 * @mosq: libmosquitto's client, or NULL
 * @state: of the connection
 * @head: the messages, in order
 * @tail: where the next message is appended
 * @waiting: number of messages
 * @in_flight: number of messages that were sent in this connection and are not acknowledged
 * @again: messages that were sent a second time, ever
 * @failures: attempts to connect that failed in a row
 * @old_protocol: the broker does not speak MQTT 5
 * @useful: the broker has taken a message in this connection
 * @careful: one message at a time is in flight, since the broker may end the connection because of one
 * @largest: size of the largest message that the broker has ever acknowledged
 * @limit: size from which on lasting messages are too large, as found out from a broker that announces no limit, or 0
 * @next_try: CLOCK_MONOTONIC when to connect
 * @deadline: CLOCK_MONOTONIC when the connection has failed unless it is up
 * @misc_due: CLOCK_MONOTONIC when libmosquitto may have to send a keep-alive
 * @ack_due: CLOCK_MONOTONIC when the connection has failed unless a message in flight is acknowledged
 * @keep_alive: seconds, as in the settings or as the broker asks for
 * @socket: that epoll watches, or -1
 * @want_write: epoll watches for room
 * @thread: connects, with CLIENT_CONNECTING. Names may take long to look up, and connect() too.
 * @wake: eventfd that @thread writes when it ends
 * @connect_result: of @thread
 * @connect_errno: likewise
 * @lost: the connection has ended
 * @refused: the broker's reason code, if it refused the connection or a message; 0: it did not
 * @error: what libmosquitto logged last
 * @said: the last failure that was reported
 */
struct client {
	const struct settings *settings;
	char *id;
	char *will_topic;
	int epoll;
	void (*connected)(void *data);
	void (*done)(void *data, const struct message *m);
	bool (*too_large)(void *data, struct message *m);
	void (*received)(void *data, const char *topic, const char *payload, size_t length);
	void *data;

	struct mosquitto *mosq;
	enum client_state state;
	struct message *head, **tail;
	size_t waiting, in_flight;
	unsigned long long again;
	unsigned int failures;
	bool old_protocol;
	bool useful;
	bool careful;
	size_t largest, limit;
	__u64 next_try, deadline, misc_due, ack_due;
	uint16_t keep_alive;
	int socket;
	bool want_write;
	pthread_t thread;
	int wake;
	int connect_result, connect_errno;
	bool lost;
	int refused;
	char error[256];
	char said[512];
};

/* Initialises; the caller has set the fields up to @data. Reports an error and returns false if that fails. */
bool client_begin(struct client *c);

/* Appends a message, and takes ownership of topic and payload. Returns the message, or NULL. */
struct message *client_send(struct client *c, char *topic, char *payload, size_t length, bool retain);

/* The same, with a copied payload */
struct message *client_send_text(struct client *c, const char *topic, const char *text, bool retain);

void client_subscribe(struct client *c, const char *topic);

/* Is the connection up, and is there room for more messages? */
bool client_has_room(const struct client *c);

/* Would client_work() send anything at once? */
bool client_can_send(const struct client *c);

/* Connects, reads, writes, and calls back. Returns when to call it again, CLOCK_MONOTONIC. */
__u64 client_work(struct client *c);

/* Disconnects after the messages that were sent before. */
void client_end(struct client *c);

#endif /* CLIENT_H */
