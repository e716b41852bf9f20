// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../button-irq/gesture.h"
#include "../button-irq/util.h"
#include "settings.h"
#include "topic.h"

#define KEYS		"broker, port, user, password-file, tls, tls-ca, tls-cert, tls-key, protocol, keep-alive, client-id, host, " \
			"topic, discovery, discovery-prefix, forget-after"
#define BUTTON_KEYS	"publish, name, device-class, state-class, hold-time, double-time, repeat-time, max-age"

/* Names of credentials, see systemd.exec(5) */
#define PASSWORD	"button-irq-mqtt.password"
#define CA		"button-irq-mqtt.ca"
#define CERT		"button-irq-mqtt.crt"
#define KEY		"button-irq-mqtt.key"

/* MQTT's strings have a length of two bytes. */
#define PASSWORD_MAX	65535
#define FORGET_NS	(60 * NS_PER_S)
/* Each repeat is a message. */
#define REPEAT_MIN_NS	(50 * NS_PER_MS)

/* A file that is being read */
struct reading {
	struct settings *settings;
	struct button_settings *section;
	bool defaults_seen;
	/* Keys of this section that have a value, each with a blank behind it */
	char keys[512];
};

static const char *set_text(char **to, const char *value)
{
	if (*to)
		return "already has a value";
	*to = strdup(value);
	return *to ? NULL : "out of memory";
}

/* Names in topics, user names and so on: MQTT's strings are UTF-8. */
static const char *set_utf8(char **to, const char *value)
{
	if (!is_utf8(value))
		return "not UTF-8";
	if (strlen(value) > 255)
		return "longer than 255 bytes";
	return set_text(to, value);
}

static const char *set_path(char **to, const char *value)
{
	return *value == '/' ? set_text(to, value) : "not an absolute path";
}

/* One level or more, none of them empty */
static const char *set_prefix(char **to, const char *value)
{
	const char *c;

	if (strpbrk(value, "#+"))
		return "# and + have a meaning of their own in MQTT";
	if (*value == '$')
		return "topics that begin with $ are the broker's own";
	if (*value == '/' || value[strlen(value) - 1] == '/' || strstr(value, "//"))
		return "an empty level";
	for (c = value; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "a control character";
	return set_utf8(to, value);
}

static const char *set_bool(bool *to, const char *value)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return "neither yes nor no";
	*to = !strcmp(value, "yes");
	return NULL;
}

static const char *set_number(unsigned long *to, const char *value, unsigned long least, unsigned long most,
			      const char *wrong)
{
	unsigned long number;

	if (!parse_count(value, most, &number) || number < least)
		return wrong;
	*to = number;
	return NULL;
}

static const char *set_period(unsigned long long *to, const char *value)
{
	return parse_period(value, to) ? NULL : "not a time like 400ms or 2s";
}

/* The same, or "off" */
static const char *set_period_or_off(unsigned long long *to, const char *value)
{
	if (strcmp(value, "off"))
		return parse_period(value, to) ? NULL : "neither a time like 400ms or 2s nor off";
	*to = 0;
	return NULL;
}

static const char *set_discovery(struct settings *s, const char *value)
{
	if (strcmp(value, "homeassistant") && strcmp(value, "no"))
		return "neither homeassistant nor no";
	s->discovery = !strcmp(value, "homeassistant");
	return NULL;
}

static const char *set_keep_alive(struct settings *s, const char *value)
{
	unsigned long long ns;

	if (!parse_period(value, &ns) || ns % NS_PER_S || ns < 5 * NS_PER_S || ns > 18 * 3600 * NS_PER_S)
		return "not whole seconds from 5s to 18h";
	s->keep_alive = ns / NS_PER_S;
	return NULL;
}

static const char *set_protocol(struct settings *s, const char *value)
{
	if (strcmp(value, "5") && strcmp(value, "3.1.1"))
		return "neither 5 nor 3.1.1";
	s->old_protocol = !strcmp(value, "3.1.1");
	return NULL;
}

static const char *set_global(struct settings *s, const char *key, const char *value)
{
	if (!strcmp(key, "broker"))
		return strpbrk(value, " \t/") ? "not a host name or an address" : set_text(&s->broker, value);
	if (!strcmp(key, "port"))
		return set_number(&s->port, value, 1, 65535, "not a port from 1 to 65535");
	if (!strcmp(key, "user"))
		return set_utf8(&s->user, value);
	if (!strcmp(key, "password"))
		return "everybody can read this file: put the password into /etc/credstore/" PASSWORD
		       " (chmod 600), or name a file with password-file";
	if (!strcmp(key, "password-file"))
		return set_path(&s->password_file, value);
	if (!strcmp(key, "tls"))
		return set_bool(&s->tls, value);
	if (!strcmp(key, "tls-ca"))
		return set_path(&s->tls_ca, value);
	if (!strcmp(key, "tls-cert"))
		return set_path(&s->tls_cert, value);
	if (!strcmp(key, "tls-key"))
		return set_path(&s->tls_key, value);
	if (!strcmp(key, "protocol"))
		return set_protocol(s, value);
	if (!strcmp(key, "keep-alive"))
		return set_keep_alive(s, value);
	if (!strcmp(key, "client-id"))
		return set_utf8(&s->client_id, value);
	if (!strcmp(key, "host"))
		return set_utf8(&s->host, value);
	if (!strcmp(key, "topic"))
		return set_prefix(&s->topic, value);
	if (!strcmp(key, "discovery"))
		return set_discovery(s, value);
	if (!strcmp(key, "discovery-prefix"))
		return set_prefix(&s->discovery_prefix, value);
	if (!strcmp(key, "forget-after"))
		return set_period(&s->forget_ns, value);
	return "none of " KEYS "; keys of a button come behind [LABEL] or [*]";
}

/* A word, as all of Home Assistant's device classes are */
static const char *set_state_class(struct button_settings *b, const char *value)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz_")])
		return "not a device class like door or window";
	return set_text(&b->state_class, value);
}

static const char *set_device_class(struct button_settings *b, const char *value)
{
	if (strcmp(value, "button") && strcmp(value, "doorbell"))
		return "neither button nor doorbell";
	return set_text(&b->device_class, value);
}

static const char *set_repeat(struct button_settings *b, const char *value)
{
	const char *wrong = set_period_or_off(&b->repeat_ns, value);

	return wrong ?: b->repeat_ns && b->repeat_ns < REPEAT_MIN_NS ? "shorter than 50ms" : NULL;
}

static const char *set_button(struct button_settings *b, const char *key, const char *value)
{
	if (!strcmp(key, "publish"))
		return set_bool(&b->publish, value);
	if (!strcmp(key, "name"))
		return b->button ? set_utf8(&b->name, value) : "not for all buttons at once";
	if (!strcmp(key, "device-class"))
		return set_device_class(b, value);
	if (!strcmp(key, "state-class"))
		return set_state_class(b, value);
	if (!strcmp(key, "hold-time"))
		return set_period(&b->hold_ns, value);
	if (!strcmp(key, "double-time"))
		return set_period_or_off(&b->double_ns, value);
	if (!strcmp(key, "repeat-time"))
		return set_repeat(b, value);
	if (!strcmp(key, "max-age"))
		return set_period_or_off(&b->max_age_ns, value);
	return "none of " BUTTON_KEYS "; keys of the service come before the first [LABEL]";
}

static bool has_value(const struct reading *r, const char *key)
{
	size_t length = strlen(key);
	const char *c;

	for (c = r->keys; *c; c += strcspn(c, " ") + 1)
		if (strcspn(c, " ") == length && !memcmp(c, key, length))
			return true;
	return false;
}

static const char *set(void *data, const char *key, const char *value, unsigned int line)
{
	struct reading *r = data;
	const char *wrong;
	size_t used;

	(void)line;
	if (!*value)
		return "nothing behind the =";
	if (has_value(r, key))
		return "already has a value";
	wrong = r->section ? set_button(r->section, key, value) : set_global(r->settings, key, value);
	used = strlen(r->keys);
	/* All keys fit in. */
	if (!wrong)
		snprintf(r->keys + used, sizeof(r->keys) - used, "%s ", key);
	return wrong;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* A section starts from the values of [*], which therefore comes before all other sections. */
static const char *begin_section(void *data, const char *name, unsigned int line)
{
	struct reading *r = data;
	struct settings *s = r->settings;
	struct button_settings *b;
	size_t i;

	(void)line;
	*r->keys = '\0';
	if (!strcmp(name, "*")) {
		if (r->defaults_seen || s->n)
			return r->defaults_seen ? "a second one" : "not before all other sections";
		r->defaults_seen = true;
		r->section = &s->defaults;
		return NULL;
	}
	for (i = 0; i < s->n; i++)
		if (!strcmp(s->button[i].button, name))
			return "this button has a section already";
	b = reallocarray(s->button, s->n + 1, sizeof(*b));
	if (!b)
		return "out of memory";
	s->button = b;
	b += s->n;
	*b = s->defaults;
	b->button = strdup(name);
	b->device_class = b->state_class = NULL;
	if (!b->button)
		return "out of memory";
	s->n++;
	r->section = b;
	return NULL;
}

static void set_defaults(struct settings *s)
{
	size_t i;

	if (!s->port)
		s->port = s->tls ? 8883 : 1883;
	if (!s->broker)
		s->broker = strdup("localhost");
	if (!s->topic)
		s->topic = strdup("button");
	if (!s->discovery_prefix)
		s->discovery_prefix = strdup("homeassistant");
	if (!s->defaults.device_class)
		s->defaults.device_class = strdup("button");
	for (i = 0; i < s->n; i++) {
		struct button_settings *b = &s->button[i];

		if (!b->device_class)
			b->device_class = copy(s->defaults.device_class);
		if (!b->state_class)
			b->state_class = copy(s->defaults.state_class);
	}
	if (s->host)
		return;
	s->host = calloc(1, 256);
	if (s->host && gethostname(s->host, 255))
		*s->host = '\0';
	/* The first part of a domain name is enough to tell the hosts of one domain apart. */
	if (s->host)
		s->host[strcspn(s->host, ".")] = '\0';
	if (s->host && !*s->host)
		strcpy(s->host, "localhost");
}

unsigned int settings_text(struct settings *s, FILE *file, const char *name, FILE *errors)
{
	struct reading r = { .settings = s };
	const struct settings_reader reader = { begin_section, set, NULL, &r };
	unsigned int bad;

	*s = (struct settings){
		.keep_alive = 60, .forget_ns = FORGET_NS,
		.defaults = { .publish = true, .hold_ns = GESTURE_HOLD_NS, .double_ns = GESTURE_DOUBLE_NS },
	};
	bad = read_settings(&reader, file, name, errors);
	set_defaults(s);
	if (!s->tls && (s->tls_ca || s->tls_cert || s->tls_key)) {
		fprintf(errors, "%s: tls-ca, tls-cert and tls-key have no effect without tls = yes\n", name);
		bad++;
	}
	if (!s->tls_cert != !s->tls_key) {
		fprintf(errors, "%s: tls-cert and tls-key go together\n", name);
		bad++;
	}
	if (s->password_file && !s->user) {
		fprintf(errors, "%s: password-file without user\n", name);
		bad++;
	}
	return bad;
}

/* Whoever can write the config file decides where the secrets are sent. */
static bool trusted(FILE *file, const char *name, FILE *errors)
{
	struct stat st;

	if (fstat(fileno(file), &st)) {
		fprintf(errors, "%s: %s\n", name, strerror(errno));
		return false;
	}
	if (st.st_uid && st.st_uid != geteuid())
		fprintf(errors, "%s: belongs to neither root nor this user, who could send the password anywhere (chown root)\n",
			name);
	else if (st.st_mode & 022)
		fprintf(errors, "%s: can be written by others, who could send the password anywhere (chmod go-w)\n", name);
	else
		return true;
	return false;
}

/* A file that only its owner may read. Returns the descriptor, or -1. */
static int open_secret(const char *name, FILE *errors)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		fprintf(errors, "%s: %s%s\n", name, strerror(errno), errno != EACCES ? "" :
			". A service without root's rights gets its secrets from /etc/credstore/, see button-irq-mqtt(1)");
		return -1;
	}
	if (fstat(fd, &st))
		fprintf(errors, "%s: %s\n", name, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		fprintf(errors, "%s: not a regular file\n", name);
	else if (st.st_uid && st.st_uid != geteuid())
		fprintf(errors, "%s: a secret that belongs to neither root nor this user (chown)\n", name);
	else if (st.st_mode & 077)
		fprintf(errors, "%s: a secret that others can read or write, mode %04o (chmod 600)\n", name,
			st.st_mode & 07777);
	else
		return fd;
	close(fd);
	return -1;
}

/* The file of a credential, whose rights systemd has set. Returns NULL if there is none. */
static char *credential(const char *name)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	if (!directory || *directory != '/' || asprintf(&path, "%s/%s", directory, name) < 0)
		return NULL;
	if (!access(path, F_OK))
		return path;
	free(path);
	return NULL;
}

/* Reads the first line. An editor's newline is no part of a password. */
static bool read_password(struct settings *s, int fd, const char *name, FILE *errors)
{
	char *text = calloc(1, PASSWORD_MAX + 2);
	ssize_t n = text ? read(fd, text, PASSWORD_MAX + 1) : -1;

	if (n < 0)
		fprintf(errors, "%s: %s\n", name, strerror(errno));
	else if (strlen(text) != (size_t)n || n > PASSWORD_MAX)
		fprintf(errors, "%s: %s\n", name, n > PASSWORD_MAX ? "too long" : "a NUL byte in the password");
	else if (text[strcspn(text, "\r\n")] = '\0', !*text)
		fprintf(errors, "%s: no password in the first line\n", name);
	else
		s->password = text;
	if (!s->password)
		free(text);
	return s->password;
}

/* Large enough for all CA certificates of a distribution */
#define PEM_MAX		(4 * 1024 * 1024)

/*
 * Is a certificate or a private key in this file? libmosquitto reads the file only when it connects, and then reports
 * any error as "TLS error" for as long as the service runs. Returns the number of errors.
 */
static unsigned int check_pem(const char *name, int fd, bool key, FILE *errors)
{
	const char *wrong = NULL;
	char *text = NULL;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st))
		wrong = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		wrong = "not a regular file";
	else if (st.st_size > PEM_MAX)
		wrong = "larger than 4 MB";
	else if (!(text = calloc(1, st.st_size + 1)) || (n = read(fd, text, st.st_size)) < 0)
		wrong = strerror(errno);
	else if (key && (strstr(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || strstr(text, "Proc-Type: 4,ENCRYPTED")))
		wrong = "the private key is encrypted, and nobody can type its password (openssl pkey -in OLD -out NEW)";
	else if (key && !strstr(text, "PRIVATE KEY-----"))
		wrong = "no private key in PEM format";
	else if (!key && !strstr(text, "CERTIFICATE-----"))
		wrong = "no certificate in PEM format";
	if (wrong)
		fprintf(errors, "%s: %s\n", name, wrong);
	if (text && key && n > 0)
		explicit_bzero(text, n);
	free(text);
	return wrong ? 1 : 0;
}

/* A file that may be read by others */
static unsigned int check_pem_file(const char *name, bool key, FILE *errors)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned int bad = check_pem(name, fd, key, errors);

	if (fd >= 0)
		close(fd);
	return bad;
}

static unsigned int read_secrets(struct settings *s, const char *config, FILE *errors)
{
	char *path = credential(PASSWORD);
	unsigned int bad = 0;
	int fd = -1;

	if (path && s->password_file) {
		fprintf(errors, "%s: password-file, and there is a credential " PASSWORD ": which one?\n", config);
		bad++;
	} else if (path && !s->user) {
		fprintf(errors, "%s: there is a credential " PASSWORD ", but no user\n", config);
		bad++;
	} else if (path || s->password_file) {
		fd = path ? open(path, O_RDONLY | O_CLOEXEC) : open_secret(s->password_file, errors);
		if (path && fd < 0)
			fprintf(errors, "%s: %s\n", path, strerror(errno));
		if (fd < 0 || !read_password(s, fd, path ?: s->password_file, errors))
			bad++;
		if (fd >= 0)
			close(fd);
	}
	free(path);
	if (!s->tls)
		return bad;
	if (!s->tls_ca)
		s->tls_ca = credential(CA);
	if (s->tls_key) {
		fd = open_secret(s->tls_key, errors);
		bad += fd < 0 ? 1 : check_pem(s->tls_key, fd, true, errors);
		if (fd >= 0)
			close(fd);
	} else if (!s->tls_cert) {
		s->tls_cert = credential(CERT);
		s->tls_key = credential(KEY);
		if (!s->tls_cert != !s->tls_key) {
			fprintf(errors, "%s: the credentials " CERT " and " KEY " go together\n", config);
			bad++;
		}
		if (s->tls_key)
			bad += check_pem_file(s->tls_key, true, errors);
	}
	if (s->tls_ca)
		bad += check_pem_file(s->tls_ca, false, errors);
	if (s->tls_cert)
		bad += check_pem_file(s->tls_cert, false, errors);
	return bad;
}

int settings_read(struct settings *s, const char *name, FILE *errors)
{
	FILE *file = fopen(name, "re");
	unsigned int bad;

	*s = (struct settings){ };
	if (!file) {
		fprintf(errors, "%s: %s\n", name, strerror(errno));
		return EXIT_FAILED;
	}
	bad = !trusted(file, name, errors);
	bad += settings_text(s, file, name, errors);
	fclose(file);
	bad += read_secrets(s, name, errors);
	return bad ? EXIT_USAGE : EXIT_OK;
}

const struct button_settings *settings_of(const struct settings *s, const char *label)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->button[i].button, label))
			return &s->button[i];
	return &s->defaults;
}

static void free_button(struct button_settings *b)
{
	free(b->button);
	free(b->name);
	free(b->device_class);
	free(b->state_class);
}

void settings_free(struct settings *s)
{
	size_t i;

	free(s->broker);
	free(s->user);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	free(s->password_file);
	free(s->tls_ca);
	free(s->tls_cert);
	free(s->tls_key);
	free(s->client_id);
	free(s->host);
	free(s->topic);
	free(s->discovery_prefix);
	free_button(&s->defaults);
	for (i = 0; i < s->n; i++)
		free_button(&s->button[i]);
	free(s->button);
	*s = (struct settings){ };
}
