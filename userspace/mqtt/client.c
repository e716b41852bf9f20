// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../button-irq/util.h"
#include "client.h"

#define NEVER		(~0ULL)

/* How long a broker may take from the TCP connection to its answer. */
#define ANSWER_NS	(20 * NS_PER_S)

/* Pauses between attempts to connect: the first one, doubled each time, up to the last one */
#define RETRY_MIN_NS	(NS_PER_S / 2)
#define RETRY_MAX_NS	(30 * NS_PER_S)

/* How long a broker may acknowledge none of the messages that it has. */
#define ACK_NS		(30 * NS_PER_S)

/*
 * A broker of MQTT 3.1.1 announces no maximum size, and ends the connection instead of acknowledging a message that it
 * finds too large, as a broker of MQTT 5 may do as well. After so many connections that ended at the same message, the message is taken for too large.
 */
#define ENDS_MAX	4

/* The kernel ends a connection whose peer has not acknowledged data for so long. */
#define TCP_TIMEOUT_MS	20000

static void watch(struct client *c, int op, int fd, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	epoll_ctl(c->epoll, op, fd, &event);
}

/* --- Log messages about the connection, one for each change --- */

static void say_down(struct client *c, const char *why)
{
	char text[sizeof(c->said)];

	snprintf(text, sizeof(text), "%s port %lu: %s", c->settings->broker, c->settings->port, why);
	if (!strcmp(text, c->said))
		return;
	strcpy(c->said, text);
	complain("%s; trying again", text);
}

static void say_up(struct client *c)
{
	complain("connected to %s port %lu as %s%s", c->settings->broker, c->settings->port, c->id,
		 c->old_protocol ? ", MQTT 3.1.1" : "");
	*c->said = '\0';
}

/* --- Messages --- */

static void free_message(struct message *m)
{
	free(m->topic);
	free(m->payload);
	free(m);
}

struct message *client_send(struct client *c, char *topic, char *payload, size_t length, bool retain)
{
	struct message *m = topic && payload ? calloc(1, sizeof(*m)) : NULL;

	if (!m) {
		complain("a message is lost: %s", strerror(ENOMEM));
		free(topic);
		free(payload);
		return NULL;
	}
	m->topic = topic;
	m->payload = payload;
	m->length = length;
	m->retain = retain;
	*c->tail = m;
	c->tail = &m->next;
	c->waiting++;
	return m;
}

struct message *client_send_text(struct client *c, const char *topic, const char *text, bool retain)
{
	return client_send(c, strdup(topic), strdup(text), strlen(text), retain);
}

/* Drops the messages that the caller makes anew for the next connection. The others will be sent again. */
static void rewind_messages(struct client *c)
{
	struct message **at = &c->head, *m;

	while ((m = *at)) {
		if (!m->lasting) {
			*at = m->next;
			c->waiting--;
			free_message(m);
			continue;
		}
		m->was_sent |= m->sent && !m->acked;
		m->sent = false;
		at = &m->next;
	}
	c->tail = at;
	c->in_flight = 0;
}

/* Acknowledged messages are done in the order in which they were sent. */
static void finish_messages(struct client *c)
{
	struct message *m;

	while ((m = c->head) && m->acked) {
		c->head = m->next;
		if (!c->head)
			c->tail = &c->head;
		c->waiting--;
		c->done(c->data, m);
		free_message(m);
	}
	/* The broker has taken everything. */
	if (!c->head && c->state == CLIENT_UP)
		c->careful = false;
}

static size_t size_of(const struct message *m)
{
	return strlen(m->topic) + m->length;
}

/* How many messages may be in flight. */
static size_t window(const struct client *c)
{
	return c->careful ? 1 : CLIENT_WINDOW;
}

/*
 * The broker has ended the connection, and a message in flight may be too large. From then on one message at a time is sent,
 * to find out which one. A broker that has taken a message of that size before had another reason.
 */
static void suspect(struct client *c)
{
	bool was_careful = c->careful;
	struct message *m;

	for (m = c->head; m && !(m->sent && !m->acked && m->lasting); m = m->next)
		;
	c->careful = m;
	/* The limit may be another one by now, or the broker refuses messages of any size. */
	c->limit = 0;
	if (!was_careful || !m || m->minimal || size_of(m) <= c->largest)
		return;
	m->ends++;
	if (m->ends >= ENDS_MAX)
		c->limit = size_of(m);
}

bool client_has_room(const struct client *c)
{
	return c->state == CLIENT_UP && c->waiting < CLIENT_WINDOW;
}

bool client_can_send(const struct client *c)
{
	const struct message *m;

	if (c->state != CLIENT_UP || c->in_flight >= window(c))
		return false;
	for (m = c->head; m && (m->sent || m->acked); m = m->next)
		;
	return m;
}

/* --- libmosquitto calls back --- */

/* Any outgoing packet postpones the keep-alive. One second more, because libmosquitto counts whole seconds. */
static void put_off_misc(struct client *c)
{
	c->misc_due = clock_ns(CLOCK_MONOTONIC) + (c->keep_alive + 1) * NS_PER_S;
}

static void on_connect(struct mosquitto *mosq, void *data, int code, int flags, const mosquitto_property *properties)
{
	struct client *c = data;

	(void)mosq;
	(void)flags;
	if (code) {
		c->refused = code;
		c->lost = true;
	} else {
		c->state = CLIENT_UP;
		/*
		 * A broker may ask for a shorter time than the settings. libmosquitto adopts that time by itself, but
		 * sends a ping only from mosquitto_loop_misc(), which misc_due has to call early enough. 0 means no
		 * keep-alive: then the time of the settings stays.
		 */
		mosquitto_property_read_int16(properties, MQTT_PROP_SERVER_KEEP_ALIVE, &c->keep_alive, false);
		c->keep_alive = c->keep_alive ?: c->settings->keep_alive;
		put_off_misc(c);
	}
}

static void on_disconnect(struct mosquitto *mosq, void *data, int code, const mosquitto_property *properties)
{
	struct client *c = data;

	(void)mosq;
	(void)properties;
	/* Smaller codes are libmosquitto's own. */
	if (code >= MQTT_RC_UNSPECIFIED)
		c->refused = code;
	c->lost = true;
}

/*
 * A broker of MQTT 5 gives the reason for refusing a message. A refused message that is lasting ends the connection: it is
 * sent again after the pause for failed connections. Other refused messages are dropped.
 */
static void on_publish(struct mosquitto *mosq, void *data, int mid, int code, const mosquitto_property *properties)
{
	struct client *c = data;
	struct message *m;

	(void)mosq;
	(void)properties;
	for (m = c->head; m && !(m->sent && !m->acked && m->mid == mid); m = m->next)
		;
	if (!m)
		return;
	c->in_flight--;
	c->ack_due = clock_ns(CLOCK_MONOTONIC) + ACK_NS;
	if (code >= MQTT_RC_UNSPECIFIED && m->lasting) {
		snprintf(c->error, sizeof(c->error), "%.100s is refused: %s", m->topic, mosquitto_reason_string(code));
		c->refused = code;
		c->lost = true;
		return;
	}
	m->refused = code >= MQTT_RC_UNSPECIFIED;
	if (m->refused)
		complain("%s is refused: %s", m->topic, mosquitto_reason_string(code));
	m->acked = true;
	c->useful = true;
	if (!m->refused && size_of(m) > c->largest)
		c->largest = size_of(m);
}

static void on_message(struct mosquitto *mosq, void *data, const struct mosquitto_message *m,
		       const mosquitto_property *properties)
{
	struct client *c = data;

	(void)mosq;
	(void)properties;
	c->received(c->data, m->topic, m->payload, m->payloadlen);
}

static void on_log(struct mosquitto *mosq, void *data, int level, const char *text)
{
	struct client *c = data;

	(void)mosq;
	/* The last text is the most specific one: OpenSSL reports the outer error first. */
	if (level == MOSQ_LOG_ERR || level == MOSQ_LOG_WARNING)
		snprintf(c->error, sizeof(c->error), "%s", text);
}

/* --- The connection's life --- */

static void *connect_thread(void *data)
{
	struct client *c = data;
	const struct settings *s = c->settings;

	errno = 0;
	c->connect_result = mosquitto_connect_bind_v5(c->mosq, s->broker, s->port, s->keep_alive, NULL, NULL);
	c->connect_errno = errno;
	eventfd_write(c->wake, 1);
	return NULL;
}

static int set_tls(struct client *c)
{
	const struct settings *s = c->settings;
	int ret;

	if (!s->tls)
		return MOSQ_ERR_SUCCESS;
	if (!s->tls_ca) {
		ret = mosquitto_int_option(c->mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
		if (ret)
			return ret;
	}
	/* libmosquitto requires a file or a directory. It uses the system's certificates in addition. */
	ret = mosquitto_tls_set(c->mosq, s->tls_ca, s->tls_ca ? NULL : "/etc/ssl/certs", s->tls_cert, s->tls_key, NULL);
	return ret ?: mosquitto_tls_opts_set(c->mosq, 1, NULL, NULL);
}

static int set_up(struct client *c)
{
	const struct settings *s = c->settings;
	int ret;

	mosquitto_connect_v5_callback_set(c->mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(c->mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(c->mosq, on_publish);
	mosquitto_message_v5_callback_set(c->mosq, on_message);
	mosquitto_log_callback_set(c->mosq, on_log);
	ret = mosquitto_int_option(c->mosq, MOSQ_OPT_PROTOCOL_VERSION,
				   c->old_protocol ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5);
	ret = ret ?: mosquitto_int_option(c->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	ret = ret ?: mosquitto_will_set(c->mosq, c->will_topic, strlen("offline"), "offline", 1, true);
	if (s->user)
		ret = ret ?: mosquitto_username_pw_set(c->mosq, s->user, s->password);
	return ret ?: set_tls(c);
}

static void try_later(struct client *c)
{
	__u64 pause = RETRY_MIN_NS << (c->failures < 8 ? c->failures : 8);
	unsigned int random = 0;

	if (pause > RETRY_MAX_NS)
		pause = RETRY_MAX_NS;
	/* After a power cut many machines wait for one broker. The random part keeps them from connecting all at once. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	c->failures++;
	c->next_try = clock_ns(CLOCK_MONOTONIC) + pause * (75 + random % 51) / 100;
}

/* Drops the connection, whatever its state. */
static void drop(struct client *c)
{
	if (c->socket >= 0)
		epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->socket, NULL);
	c->socket = -1;
	if (c->mosq)
		mosquitto_destroy(c->mosq);
	c->mosq = NULL;
	c->state = CLIENT_DOWN;
	c->lost = false;
	rewind_messages(c);
	try_later(c);
}

static const char *refusal(const struct client *c)
{
	return c->old_protocol ? mosquitto_connack_string(c->refused) : mosquitto_reason_string(c->refused);
}

/* Did the broker refuse the connection because it knows only MQTT 3.1.1? */
static bool wants_old_protocol(const struct client *c)
{
	return c->state == CLIENT_WAITING && !c->old_protocol &&
	       (c->refused == CONNACK_REFUSED_PROTOCOL_VERSION || c->refused == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION);
}

static void fail(struct client *c, int code, int error)
{
	bool ended = code == MOSQ_ERR_CONN_LOST || (code == MOSQ_ERR_ERRNO && (error == ECONNRESET || error == EPIPE));
	char why[400];

	if (wants_old_protocol(c)) {
		c->old_protocol = true;
		drop(c);
		c->next_try = 0;
		return;
	}
	if (c->refused && *c->error && c->state == CLIENT_UP)
		snprintf(why, sizeof(why), "%s", c->error);
	else if (c->refused)
		snprintf(why, sizeof(why), "the broker says: %s", refusal(c));
	else if (code == MOSQ_ERR_TLS)
		snprintf(why, sizeof(why), "TLS: %s", *c->error ? c->error : "no connection");
	else if (code == MOSQ_ERR_ERRNO)
		snprintf(why, sizeof(why), "%s", strerror(error ?: EIO));
	else if (code == MOSQ_ERR_EAI)
		snprintf(why, sizeof(why), "no such host");
	else if (code)
		snprintf(why, sizeof(why), "%s", mosquitto_strerror(code));
	else if (c->state == CLIENT_UP && !c->lost)
		snprintf(why, sizeof(why), "no message acknowledged for %llu s", ACK_NS / NS_PER_S);
	else
		snprintf(why, sizeof(why), "no answer");
	say_down(c, why);
	/* Only MQTT 5 has a reason for the end of a connection. */
	if (c->state == CLIENT_UP && (c->old_protocol ? ended : c->refused == MQTT_RC_PACKET_TOO_LARGE))
		suspect(c);
	/* The pauses also grow for a broker that accepts the connection and none of the messages. */
	if (c->useful && !c->refused)
		c->failures = 0;
	c->refused = 0;
	drop(c);
}

static void begin_connecting(struct client *c)
{
	int ret;

	*c->error = '\0';
	c->refused = 0;
	c->lost = c->useful = false;
	c->old_protocol |= c->settings->old_protocol;
	c->keep_alive = c->settings->keep_alive;
	c->mosq = mosquitto_new(c->id, true, c);
	ret = c->mosq ? set_up(c) : MOSQ_ERR_NOMEM;
	if (!ret && pthread_create(&c->thread, NULL, connect_thread, c))
		ret = MOSQ_ERR_NOMEM;
	if (ret) {
		fail(c, ret, errno);
		return;
	}
	c->state = CLIENT_CONNECTING;
}

static void end_connecting(struct client *c)
{
	unsigned int timeout = TCP_TIMEOUT_MS;
	eventfd_t ignored;

	if (eventfd_read(c->wake, &ignored))
		return;
	pthread_join(c->thread, NULL);
	c->state = CLIENT_WAITING;
	if (c->connect_result) {
		fail(c, c->connect_result, c->connect_errno);
		return;
	}
	c->socket = mosquitto_socket(c->mosq);
	setsockopt(c->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	c->want_write = mosquitto_want_write(c->mosq);
	watch(c, EPOLL_CTL_ADD, c->socket, EPOLLIN | (c->want_write ? EPOLLOUT : 0));
	c->deadline = clock_ns(CLOCK_MONOTONIC) + ANSWER_NS;
	put_off_misc(c);
}

void client_subscribe(struct client *c, const char *topic)
{
	if (c->state == CLIENT_UP && mosquitto_subscribe(c->mosq, NULL, topic, 1) == MOSQ_ERR_SUCCESS)
		put_off_misc(c);
}

/*
 * The message is larger than the broker accepts: sending it again would end each connection before later messages are
 * sent. Returns true if a shorter message has taken its place; else it is dropped.
 */
static bool shorten(struct client *c, struct message *m)
{
	if (m->lasting && c->too_large(c->data, m)) {
		m->minimal = true;
		m->ends = 0;
		return true;
	}
	if (!m->lasting)
		complain("%s is refused: %s", m->topic, mosquitto_strerror(MOSQ_ERR_OVERSIZE_PACKET));
	m->refused = m->acked = true;
	return false;
}

/* Is the message as large as one at which a broker that announces no limit has ended its connections? */
static bool is_too_large(const struct client *c, const struct message *m)
{
	return c->limit && m->lasting && !m->minimal && size_of(m) >= c->limit;
}

/* Gives a message to libmosquitto. Returns libmosquitto's code. */
static int publish(struct client *c, struct message *m)
{
	int ret;

	if (!c->in_flight)
		c->ack_due = clock_ns(CLOCK_MONOTONIC) + ACK_NS;
	/* Set first: the acknowledgement may come within the call. */
	m->sent = true;
	c->in_flight++;
	ret = mosquitto_publish_v5(c->mosq, &m->mid, m->topic, m->length, m->payload, 1, m->retain, NULL);
	if (ret) {
		m->sent = false;
		c->in_flight--;
		return ret;
	}
	c->again += m->was_sent;
	put_off_misc(c);
	return MOSQ_ERR_SUCCESS;
}

/* Returns libmosquitto's code. */
static int push(struct client *c)
{
	struct message *m;
	int ret;

	for (m = c->head; m && c->in_flight < window(c); m = m->next) {
		if (m->sent || m->acked)
			continue;
		/* The message became too old while the broker was away or did not acknowledge. */
		if (m->not_after && clock_ns(CLOCK_MONOTONIC) > m->not_after) {
			complain("%s: a message became too old while it waited for the broker, and is not sent (max-age)",
				 m->topic);
			m->acked = true;
			continue;
		}
		do
			ret = is_too_large(c, m) ? MOSQ_ERR_OVERSIZE_PACKET : publish(c, m);
		while (ret == MOSQ_ERR_OVERSIZE_PACKET && shorten(c, m));
		if (ret && ret != MOSQ_ERR_OVERSIZE_PACKET) {
			snprintf(c->error, sizeof(c->error), "%.100s: %s", m->topic, mosquitto_strerror(ret));
			return ret;
		}
	}
	return MOSQ_ERR_SUCCESS;
}

/* Reads and writes what the socket is ready for. Returns libmosquitto's code. */
static int exchange(struct client *c)
{
	struct epoll_event events[8];
	int i, n, ret = MOSQ_ERR_SUCCESS;

	n = epoll_wait(c->epoll, events, ARRAY_SIZE(events), 0);
	for (i = 0; i < n && !ret; i++) {
		if (events[i].data.fd != c->socket)
			continue;
		if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			ret = mosquitto_loop_read(c->mosq, 1);
		if (!ret && !c->lost && events[i].events & EPOLLOUT) {
			ret = mosquitto_loop_write(c->mosq, 1);
			put_off_misc(c);
		}
	}
	if (!ret && !c->lost && clock_ns(CLOCK_MONOTONIC) >= c->misc_due) {
		ret = mosquitto_loop_misc(c->mosq);
		put_off_misc(c);
	}
	return ret;
}

/* The time from which on client_work() has something to do of its own accord */
static __u64 due(const struct client *c)
{
	switch (c->state) {
	case CLIENT_DOWN: return c->next_try;
	case CLIENT_CONNECTING: return NEVER;
	case CLIENT_WAITING: return c->deadline < c->misc_due ? c->deadline : c->misc_due;
	case CLIENT_UP: return c->in_flight && c->ack_due < c->misc_due ? c->ack_due : c->misc_due;
	}
	return NEVER;
}

/* Puts the caller's messages for a new connection before those that are sent again. */
static void begin_connection(struct client *c)
{
	struct message *rest = c->head, **end = c->tail;

	say_up(c);
	c->head = NULL;
	c->tail = &c->head;
	c->connected(c->data);
	*c->tail = rest;
	if (rest)
		c->tail = end;
}

__u64 client_work(struct client *c)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);
	bool was_up = c->state == CLIENT_UP;
	int ret = MOSQ_ERR_SUCCESS, error;
	bool silent;

	if (c->state == CLIENT_DOWN && now >= c->next_try)
		begin_connecting(c);
	if (c->state == CLIENT_CONNECTING)
		end_connecting(c);
	if (c->state != CLIENT_WAITING && c->state != CLIENT_UP)
		return due(c);
	errno = 0;
	ret = exchange(c);
	error = errno;
	finish_messages(c);
	if (!ret && !c->lost && c->state == CLIENT_UP) {
		if (!was_up)
			begin_connection(c);
		errno = 0;
		ret = push(c);
		error = errno;
		/* push() may have dropped messages. */
		finish_messages(c);
	}
	/* A broker that hangs may still answer pings, so the keep-alive does not end such a connection. */
	silent = c->state == CLIENT_UP && c->in_flight && now >= c->ack_due;
	if (ret || c->lost || silent || (c->state == CLIENT_WAITING && now >= c->deadline)) {
		fail(c, ret, error);
	} else if (mosquitto_want_write(c->mosq) != c->want_write) {
		c->want_write = !c->want_write;
		watch(c, EPOLL_CTL_MOD, c->socket, EPOLLIN | (c->want_write ? EPOLLOUT : 0));
	}
	return due(c);
}

bool client_begin(struct client *c)
{
	c->tail = &c->head;
	c->socket = -1;
	c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->wake < 0 || mosquitto_lib_init()) {
		complain("%s", strerror(errno ?: ENOMEM));
		return false;
	}
	watch(c, EPOLL_CTL_ADD, c->wake, EPOLLIN);
	return true;
}

void client_end(struct client *c)
{
	/* The thread cannot be stopped while it looks a name up, so whatever it uses stays until this process ends. */
	if (c->state == CLIENT_CONNECTING)
		return;
	if (c->state == CLIENT_UP) {
		mosquitto_disconnect(c->mosq);
		mosquitto_loop_write(c->mosq, 1);
	}
	drop(c);
	while (c->head) {
		struct message *m = c->head;

		c->head = m->next;
		free_message(m);
	}
	c->tail = &c->head;
	c->waiting = 0;
	close(c->wake);
	free(c->id);
	free(c->will_topic);
	mosquitto_lib_cleanup();
}
