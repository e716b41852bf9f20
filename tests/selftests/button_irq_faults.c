// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation, and every copy to or from user space, fails once: of insmod, from where the
 * module loader is about to call the driver.
 *
 * Needs a kernel with fault injection (tests/debug): the number N in /proc/thread-self/fail-nth
 * makes the Nth thing fail that can. An operation is repeated with N = 1, 2, 3, ... until it is
 * through before its Nth. Each time it has to end well or with an error that says what
 * happened, and the button has to work afterwards.
 *
 * What is left behind is for KASAN and kmemleak to find.
 */
#include <glob.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "button_test.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"
/* Of tests/vm/button.dts; it may wake the system. */
#define DOORBELL	"doorbell"

/* Let the @nth thing fail; 0: nothing more. Reading the number is itself such a thing. */
static void fault_set(int fd, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	while (pwrite(fd, text, n, 0) < 0)
		;
}

/* How many things are left until one fails; 0: one did. */
static unsigned int fault_left(int fd)
{
	char text[16] = "";
	unsigned int left = 1;	/* reading it is the one */

	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		left = atoi(text);
	fault_set(fd, 0);
	return left;
}

/**
 * struct faults - which thing fails, and what came of it
 * @fd: /proc/thread-self/fail-nth
 * @module: the driver's file, opened before anything fails
 * @n: which thing fails now
 * @more: there was an nth thing
 * @total: things that failed
 * @failed: operations that gave an error
 * @errors: and which
 */
struct faults {
	int fd;
	int module;
	unsigned int n;
	bool more;
	unsigned int total;
	unsigned int failed;
	bool errors[134];
};

FIXTURE(faults)
{
	struct bench bench;
	struct faults faults;
};

/* A button of the device tree instead. */
FIXTURE(devicetree)
{
	struct faults faults;
};

/* What this kernel allocates to watch allocations by, which is no part of any operation. */
static bool is_watching(const char *cache)
{
	static const char * const watching[] = {
		"/kmemleak_object/", "/kmemleak_scan_area/", "/debug_objects_cache/",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watching); i++)
		if (strstr(cache, watching[i]))
			return true;
	return false;
}

/* Objects of all other caches may fail. */
static void faults_choose_caches(struct __test_metadata *_metadata)
{
	glob_t caches;
	size_t i;

	ASSERT_EQ(0, glob("/sys/kernel/slab/*/failslab", 0, NULL, &caches));
	for (i = 0; i < caches.gl_pathc; i++)
		if (!is_watching(caches.gl_pathv[i]))
			EXPECT_EQ(0, button_write(caches.gl_pathv[i], "1")) {
				TH_LOG("%s", caches.gl_pathv[i]);
			}
	globfree(&caches);
}

static bool in_devicetree(void)
{
	return !access("/sys/bus/platform/devices/" DOORBELL, F_OK);
}

/* Returns false where the kernel has no fault injection. */
static bool faults_begin(struct __test_metadata *_metadata, struct faults *f)
{
	static const char * const quiet[][2] = {
		{ "failslab/verbose", "0" }, { "failslab/ignore-gfp-wait", "N" },
		{ "failslab/cache-filter", "Y" },
		{ "fail_page_alloc/verbose", "0" }, { "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" }, { "fail_page_alloc/min-order", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[128];
	size_t i;

	f->fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (f->fd < 0)
		return false;
	for (i = 0; i < ARRAY_SIZE(quiet); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s", quiet[i][0]);
		ASSERT_EQ(0, button_write(path, quiet[i][1])) {
			TH_LOG("%s", path);
		}
	}
	faults_choose_caches(_metadata);
	f->module = open(button_module(), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, f->module);
	return true;
}

static void faults_end(struct faults *f)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f->errors); i++)
		if (f->errors[i])
			printf("# %s\n", strerrorname_np(i));
	printf("# %u things failed, %u times with an error\n", f->total, f->failed);
	close(f->fd);
	close(f->module);
}

FIXTURE_SETUP(faults)
{
	if (in_devicetree())
		SKIP(return, "a button of the device tree would be the first");
	if (!faults_begin(_metadata, &self->faults))
		SKIP(return, "no fault injection in this kernel");
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(faults)
{
	faults_end(&self->faults);
	bench_teardown(_metadata, &self->bench);
}

FIXTURE_SETUP(devicetree)
{
	if (!in_devicetree())
		SKIP(return, "no button in this device tree");
	if (!faults_begin(_metadata, &self->faults))
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, button_load(""));
}

FIXTURE_TEARDOWN(devicetree)
{
	faults_end(&self->faults);
	EXPECT_EQ(0, button_unload());
}

/* Note the outcome; an operation fails with one of @allowed (up to a 0), or not at all. */
static void faults_note(struct __test_metadata *_metadata, struct faults *f, int ret,
			const int *allowed)
{
	f->more = !fault_left(f->fd);
	f->total += f->more;
	if (ret >= 0)
		return;
	EXPECT_TRUE(f->more);
	f->failed++;
	f->errors[-ret] = true;
	while (*allowed && *allowed != -ret)
		allowed++;
	EXPECT_EQ(*allowed, -ret) {
		TH_LOG("%s when thing %u failed", strerrorname_np(-ret), f->n);
	}
}

/* For use in TEST_F(). */
#define works()		faults_press(_metadata, &self->bench)
#define start_faults()	(self->faults.n = 0, self->faults.more = true)

/* The result of @call, negative an errno, with the next thing in it failing. */
#define fault(call, ...) ({							\
	int ret_;								\
										\
	fault_set(self->faults.fd, ++self->faults.n);				\
	ret_ = (call);								\
	faults_note(_metadata, &self->faults, ret_, (const int[]){ __VA_ARGS__, 0 });	\
	ret_;									\
})

/* A press arrives, and in a new file. */
static void faults_press(struct __test_metadata *_metadata, struct bench *bench)
{
	struct button_irq_event event;
	int fd = button_open_binary(0, O_RDONLY);

	ASSERT_LE(0, fd) {
		TH_LOG("no button");
	}
	bench_set(_metadata, bench, PRESSED);
	ASSERT_EQ(0, button_next(fd, &event));
	EXPECT_EQ(BUTTON_IRQ_PRESS, event.type);
	bench_set(_metadata, bench, RELEASED);
	ASSERT_EQ(0, button_next(fd, &event));
	EXPECT_EQ(BUTTON_IRQ_RELEASE, event.type);
	close(fd);
}

static int load(int module, const struct stim *stim)
{
	char params[128];

	snprintf(params, sizeof(params), "line=%s debounce_us=0 label=bell", stim->line);
	return syscall(SYS_finit_module, module, params, 0) ? -errno : 0;
}

/*
 * How many things can fail before our part of insmod begins, which here ends at its first line.
 * Some fewer: what undoes it allocates, too.
 */
static unsigned int loader_things(struct __test_metadata *_metadata, struct faults *f)
{
	const unsigned int many = 100000, undoing = 20;
	unsigned int used;

	fault_set(f->fd, many);
	EXPECT_EQ(-1, syscall(SYS_finit_module, f->module, "ring_events=3", 0));
	EXPECT_EQ(EINVAL, errno);
	used = many - fault_left(f->fd);
	EXPECT_LT(undoing, used);
	return used - undoing;
}

/*
 * The driver core keeps to itself why a device it added has no driver: then all that insmod knows
 * is that there is no button.
 *
 * What the module loader does before is the same for every module, and not always right: where
 * tracing has no memory for a module's events, it warns, now and once the module goes.
 */
TEST_F_TIMEOUT(faults, insmod, 3600)
{
	unsigned int loader;
	int ret;

	/*
	 * Not the pages of objects' caches (up to 8 at once): how many those take differs from load
	 * to load, and one that is counted now and not the next time would hide a thing.
	 */
	ASSERT_EQ(0, button_write(DEBUGFS "fail_page_alloc/min-order", "4"));
	loader = loader_things(_metadata, &self->faults);
	printf("# %u things can fail in the module loader\n", loader);
	ASSERT_EQ(loader, loader_things(_metadata, &self->faults));
	start_faults();
	self->faults.n = loader;
	while (self->faults.more) {
		ret = fault(load(self->faults.module, &self->bench.stim), ENOMEM, EFAULT, ENODEV,
			    EINVAL);
		if (ret) {
			EXPECT_EQ(-ENOENT, button_unload());
			EXPECT_EQ(-1, access("/sys/class/button_irq", F_OK));
		} else {
			works();
			EXPECT_EQ(0, button_unload());
		}
	}
	/* For the fixture to remove. */
	EXPECT_EQ(0, load(self->faults.module, &self->bench.stim));
}

TEST_F_TIMEOUT(faults, bind, 3600)
{
	int ret;

	bind("debounce_us=0 label=bell");
	close(self->bench.fd);
	self->bench.fd = -1;
	ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
	start_faults();
	while (self->faults.more) {
		ret = fault(button_write(DRIVER "bind", "button_irq.0"), ENOMEM, EFAULT, ENODEV,
			    EINVAL);
		if (ret) {
			EXPECT_EQ(-1, access("/dev/button_irq", F_OK));
			ASSERT_EQ(0, button_write(DRIVER "bind", "button_irq.0"));
		}
		works();
		ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
	}
}

/* What only a button of the device tree has: it is made a wake-up source. */
TEST_F_TIMEOUT(devicetree, bind, 3600)
{
	ASSERT_EQ(0, button_write(DRIVER "unbind", DOORBELL));
	start_faults();
	while (self->faults.more) {
		if (fault(button_write(DRIVER "bind", DOORBELL), ENOMEM, EFAULT, ENODEV, EINVAL))
			ASSERT_EQ(0, button_write(DRIVER "bind", DOORBELL));
		EXPECT_EQ(0, access(DRIVER DOORBELL, F_OK));
		ASSERT_EQ(0, button_write(DRIVER "unbind", DOORBELL));
	}
}

/* Removal cannot fail, only not begin. */
TEST_F_TIMEOUT(faults, unbind, 3600)
{
	struct button_irq_event event;
	int ret;

	bind("debounce_us=0");
	start_faults();
	while (self->faults.more) {
		ret = fault(button_write(DRIVER "unbind", "button_irq.0"), ENOMEM, EFAULT);
		if (ret) {
			works();
			ASSERT_EQ(0, button_write(DRIVER "unbind", "button_irq.0"));
		}
		while (read(self->bench.fd, &event, sizeof(event)) > 0)
			;
		EXPECT_EQ(ENODEV, errno);
		close(self->bench.fd);
		ASSERT_EQ(0, button_write(DRIVER "bind", "button_irq.0"));
		works();
		self->bench.fd = button_open_binary(0, O_RDONLY);
		ASSERT_LE(0, self->bench.fd);
	}
}

TEST_F_TIMEOUT(faults, rmmod, 3600)
{
	int ret;

	ASSERT_EQ(0, load(self->faults.module, &self->bench.stim));
	start_faults();
	while (self->faults.more) {
		ret = fault(button_unload(), ENOMEM, EFAULT);
		if (ret)
			works();
		else
			ASSERT_EQ(0, load(self->faults.module, &self->bench.stim));
	}
}

static int open_node(void)
{
	int fd = open("/dev/button_irq", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

TEST_F_TIMEOUT(faults, open, 600)
{
	int fd;

	bind("debounce_us=0");
	start_faults();
	while (self->faults.more) {
		fd = fault(open_node(), ENOMEM, EFAULT, ENFILE);
		if (fd >= 0)
			close(fd);
		works();
	}
}

static int read_file(int fd, void *buf, size_t size)
{
	ssize_t n = read(fd, buf, size);

	return n < 0 ? -errno : n;
}

/* What could not be copied is still there. */
TEST_F_TIMEOUT(faults, read, 600)
{
	struct button_irq_event event;
	char line[BUTTON_LINE_MAX];
	__u64 seq = 0;
	int text, ret;

	bind("debounce_us=0");
	text = button_open(0, O_RDONLY);
	ASSERT_LE(0, text);

	start_faults();
	while (self->faults.more) {
		press();
		ASSERT_EQ(0, button_wait_readable(self->bench.fd));
		ret = fault(read_file(self->bench.fd, &event, sizeof(event)), EFAULT);
		if (ret < 0)
			ret = read_file(self->bench.fd, &event, sizeof(event));
		EXPECT_EQ(sizeof(event), ret);
		EXPECT_EQ(++seq, event.seq);
		release();
		expect_event(++seq, BUTTON_IRQ_RELEASE);
	}
	while (seq--)
		ASSERT_EQ(0, button_next_line(text, line, sizeof(line)));

	start_faults();
	while (self->faults.more) {
		press();
		ASSERT_EQ(0, button_wait_readable(text));
		ret = fault(read_file(text, line, sizeof(line)), EFAULT);
		if (ret < 0)
			ret = read_file(text, line, sizeof(line));
		EXPECT_LT(0, ret);
		line[ret] = '\0';
		EXPECT_TRUE(button_parse(line, &event));
		EXPECT_EQ(BUTTON_IRQ_PRESS, event.type);
		release();
		ASSERT_EQ(0, button_next_line(text, line, sizeof(line)));
	}
	close(text);
}

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

TEST_F_TIMEOUT(faults, ioctl, 600)
{
	struct button_irq_info info;
	__u32 format = BUTTON_IRQ_FORMAT_BINARY, clock = CLOCK_BOOTTIME;
	const struct {
		unsigned long request;
		void *arg;
	} calls[] = {
		{ BUTTON_IRQ_IOC_GET_INFO, &info },
		{ BUTTON_IRQ_IOC_SET_FORMAT, &format },
		{ BUTTON_IRQ_IOC_SET_CLOCK, &clock },
		{ BUTTON_IRQ_IOC_REWIND, NULL },
	};
	size_t i;

	bind("debounce_us=0");
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		start_faults();
		while (self->faults.more) {
			fault(call(self->bench.fd, calls[i].request, calls[i].arg), EFAULT);
			works();
		}
	}
}

static int poll_now(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? -errno : 0;
}

static int epoll_now(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int ret = 0;

	if (ep < 0)
		return -errno;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event))
		ret = -errno;
	close(ep);
	return ret;
}

static int async_now(int fd)
{
	if (fcntl(fd, F_SETFL, O_ASYNC))
		return -errno;
	return fcntl(fd, F_SETFL, 0) ? -errno : 0;
}

TEST_F_TIMEOUT(faults, waiting, 600)
{
	bind("debounce_us=0");
	start_faults();
	while (self->faults.more) {
		fault(poll_now(self->bench.fd), EFAULT, ENOMEM);
		works();
	}
	start_faults();
	while (self->faults.more) {
		fault(epoll_now(self->bench.fd), EFAULT, ENOMEM, ENFILE);
		works();
	}
	start_faults();
	while (self->faults.more) {
		fault(async_now(self->bench.fd), EFAULT, ENOMEM);
		works();
	}
}

TEST_F_TIMEOUT(faults, sysfs, 600)
{
	char text[32];
	int ret;

	bind("debounce_us=0");
	start_faults();
	while (self->faults.more) {
		ret = fault(button_attr(0, "label", text, sizeof(text)), EFAULT, ENOMEM, ENFILE);
		works();
	}
	start_faults();
	while (self->faults.more) {
		ret = fault(button_set_attr(0, "debounce_us", "1"), EFAULT, ENOMEM, ENFILE);
		EXPECT_TRUE(button_attr_is(0, "debounce_us", ret ? "0" : "1"));
		ASSERT_EQ(0, button_set_attr(0, "debounce_us", "0"));
		works();
	}
}

TEST_HARNESS_MAIN
