// SPDX-License-Identifier: GPL-2.0
/*
 * Push buttons on GPIO lines as events that no script loses
 *
 * The road of an edge, which is also the order of this file:
 *
 *	top half	hard IRQ: takes time and level, pushes one edge into a queue, wakes
 *	thread		pops edges, feeds the debouncer (button_irq_debounce.h)
 *	ring		events, numbered; one writer, overwrites the oldest
 *	reader		an open file: a cursor into the ring
 *
 * Each stage has one owner and passes on in one direction. What two contexts share:
 *
 *	queue		top half -> thread, lock-free, acquire/release on head and tail
 *	work bits	anyone -> thread, atomic bit operations
 *	quiet		thread -> top half, a full barrier on either side
 *	ring		thread -> readers, lock-free, see button_irq_write() and button_irq_next()
 *	stats, settings	single words, READ_ONCE() and WRITE_ONCE()
 *	gone		unbinding -> readers, release/acquire
 *
 * What no driver can do: a controller keeps one status bit per line, and genirq one
 * pending bit while a handler runs, so edges that come before the last one was taken are
 * merged below us. Every interrupt that is delivered is accounted for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cdev.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pinctrl/pinconf-generic.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/pm_wakeirq.h>
#include <linux/pm_wakeup.h>
#include <linux/poll.h>
#include <linux/property.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "button_irq.h"
#include "button_irq_compat.h"
#include "button_irq_debounce.h"

#define CREATE_TRACE_POINTS
#include "button_irq_trace.h"

#define BUTTON_IRQ_NAME			"button_irq"
#define BUTTON_IRQ_BUTTONS		256	/* minor numbers */
#define BUTTON_IRQ_LINES		32	/* given by module parameters */
#define BUTTON_IRQ_QUEUE		1024	/* edges between top half and thread */
#define BUTTON_IRQ_BATCH		64	/* edges the thread takes in one go */
#define BUTTON_IRQ_DEBOUNCE_US		10000
#define BUTTON_IRQ_DEBOUNCE_US_MAX	1000000
#define BUTTON_IRQ_STORM_RATE		2000	/* edges per second: more than any button makes */
#define BUTTON_IRQ_STORM_RATE_MAX	1000000
#define BUTTON_IRQ_STORM_BURST		1024	/* edges that pass at any speed */
/* With what it takes to confirm the line's level afterwards, under 10 ms. */
#define BUTTON_IRQ_STORM_MASK_NS	(8 * NSEC_PER_MSEC)
#define BUTTON_IRQ_TEXT			96	/* bytes of the longest line, and some */

static const char * const button_irq_modes[] = {
	[BUTTON_IRQ_MODE_EAGER] = "eager",
	[BUTTON_IRQ_MODE_SETTLE] = "settle",
};

/* --- Data structures ------------------------------------------------------------------ */

/**
 * struct button_irq_edge - one interrupt, as the top half saw it
 * @time: CLOCK_MONOTONIC in nanoseconds
 * @dropped: edges dropped since the start because the queue was full
 * @level: the level, or BUTTON_IRQ_LEVEL_UNKNOWN where it cannot be read in hard IRQ
 */
struct button_irq_edge {
	u64 time;
	u32 dropped;
	enum button_irq_level level;
};

/**
 * struct button_irq_queue - single-producer, single-consumer queue of edges
 * @head: edges pushed; written by the top half
 * @dropped: edges that did not fit; written by the top half
 * @tail: edges popped; written by the thread
 * @edge: the edges
 */
struct button_irq_queue {
	unsigned int head;
	u32 dropped;
	unsigned int tail ____cacheline_aligned;
	struct button_irq_edge edge[BUTTON_IRQ_QUEUE];
};

/**
 * struct button_irq_storm - token bucket of the top half, counted in time
 * @paid_until: each edge pushes this on by the cost of an edge
 * @cost_ns: the cost in use; a new one starts afresh
 */
struct button_irq_storm {
	u64 paid_until;
	u32 cost_ns;
};

/**
 * struct button_irq_slot - an event in the ring
 * @event: the event, on CLOCK_MONOTONIC
 * @boottime_ns: its time on CLOCK_BOOTTIME, by the offset that held when it happened
 * @realtime_ns: its time on CLOCK_REALTIME, likewise, so that setting the clock later
 *	does not change it
 */
struct button_irq_slot {
	struct button_irq_event event;
	u64 boottime_ns;
	u64 realtime_ns;
};

/**
 * struct button_irq_ring - events, one writer, any number of readers
 * @slot: @size slots
 * @size: a power of two
 * @writing: events whose writing has begun; event n overwrites event n - @size
 * @head: events written; the index of the next
 */
struct button_irq_ring {
	struct button_irq_slot *slot;
	unsigned int size;
	unsigned long writing;
	unsigned long head;
};

/* Copies of the debouncer's counters that sysfs reads; single words do not tear. */
struct button_irq_stats {
	unsigned long edges;
	unsigned long inferred;
	unsigned long presses;
	unsigned long releases;
	unsigned long bounces;
	unsigned long missed;
	unsigned long storms;
	u32 state;
};

/* What the thread is asked to do, struct button_irq.work. */
enum {
	BUTTON_IRQ_WORK_SAMPLE,	/* look at the line: settings, resume, a replayed interrupt */
	BUTTON_IRQ_WORK_STORM,	/* the top half masked the line */
	BUTTON_IRQ_WORK_WAKE,	/* the line woke the system */
};

/* struct button_irq.sleep: does a replayed interrupt stand for an edge that woke us? */
enum {
	BUTTON_IRQ_AWAKE,
	BUTTON_IRQ_ASLEEP,	/* suspended, with wake-up enabled */
	BUTTON_IRQ_RESUMED,	/* resumed, the replay may still come */
};

#define BUTTON_IRQ_NO_LEVEL	(-2)	/* struct button_irq.sleep_level: no edge yet */

/**
 * struct button_irq - one button
 * @dev: the class device; the button lives as long as it does, which is until it is
 *	unbound and the last open file is closed
 * @cdev: the character device
 * @parent: the platform device; gone with the driver's binding
 * @gpiod: the line; gone with the driver's binding
 * @irq: its interrupt
 * @nested: the interrupt is nested in a chip's thread: no top half, no thread of our own
 * @read_level: the level can be read in hard IRQ
 * @label: what the owner calls it
 * @line: CHIPLABEL:OFFSET
 *
 * @storm: top half only
 * @armed: an interrupt is an edge; not while the line is being unmasked
 * @sleep: written by suspend, resume and the top half
 * @sleep_level: while asleep, the level that the last edge had
 * @queue: top half to thread
 * @work: BUTTON_IRQ_WORK_*, anyone to thread
 * @quiet: written by the thread: no edge can make an event before @timer wakes it
 *
 * @lock: makes the IRQ thread and @nested_work one owner of what follows; no one else
 *	takes it while the button works
 * @debounce: the debouncer
 * @dropped: of @queue.dropped, how many were told
 * @storms: times the line was masked
 * @masked: the line is masked, until
 * @unmask_time: this time
 * @look_time: when to look where edges whose levels could not be read have left the line
 * @timer_time: what @timer is set to
 * @timer: wakes the thread at the next deadline
 * @nested_work: stands in for the thread where there is none
 * @news: events were written since readers were woken
 * @state_told: the state that sysfs pollers were told
 * @state_read: "state" was read since, so someone may wait for the next
 * @state_node: sysfs node of "state"
 * @seq: number of the last event
 *
 * @debounce_us: setting, microseconds
 * @debounce_mode: setting
 * @storm_rate: setting, edges per second; 0: no guard
 * @edge_cost_ns: 1 s / @storm_rate, so that the top half need not divide
 *
 * @ring: thread to readers
 * @stats: thread to sysfs
 * @wait: readers wait here
 * @async: and here, for SIGIO
 * @gone: unbound; no event will come any more
 */
struct button_irq {
	struct device dev;
	struct cdev cdev;
	struct device *parent;
	struct gpio_desc *gpiod;
	int irq;
	bool nested;
	bool read_level;
	char label[sizeof_field(struct button_irq_info, label)];
	char line[sizeof_field(struct button_irq_info, line)];

	struct button_irq_storm storm;
	bool armed;
	int sleep;
	int sleep_level;
	struct button_irq_queue queue;
	unsigned long work;
	bool quiet;

	struct mutex lock;	/* one owner for what follows */
	struct button_irq_debounce debounce;
	u32 dropped;
	unsigned long storms;
	bool masked;
	bool news;
	bool state_told;
	int state_read;
	u64 unmask_time;
	u64 look_time;
	u64 timer_time;
	struct hrtimer timer;
	struct work_struct nested_work;
	struct kernfs_node *state_node;
	u64 seq;

	u32 debounce_us;
	u32 debounce_mode;
	u32 storm_rate;
	u32 edge_cost_ns;

	struct button_irq_ring ring;
	struct button_irq_stats stats;
	wait_queue_head_t wait;
	struct fasync_struct *async;
	bool gone;
};

/**
 * struct button_irq_reader - one open file
 * @button: what it reads
 * @lock: serialises processes that share the file; never held while waiting for events
 * @cursor: index of the next event to read
 * @format: BUTTON_IRQ_FORMAT_*
 * @clock: the clock its times are on
 * @pos: bytes of @text that were read
 * @left: bytes of @text that were not
 * @text: the line being read
 */
struct button_irq_reader {
	struct button_irq *button;
	struct mutex lock;	/* the processes that share the file */
	unsigned long cursor;
	u32 format;
	u32 clock;
	unsigned int pos;
	unsigned int left;
	char text[BUTTON_IRQ_TEXT];
};

/**
 * struct button_irq_line - a line given by module parameters; the platform data of its device
 * @param: the parameter that named it, "gpio" or "line"
 * @text: and its value
 * @pull: an element of button_irq_pulls, by name
 * @label: or "" for the default
 * @active_low: pressed is low
 * @debounce_us: microseconds
 * @debounce_mode: BUTTON_IRQ_MODE_*
 * @storm_rate: edges per second
 * @chip: label of the line's controller
 * @offset: of the line there
 * @error: what the probe returned, or BUTTON_IRQ_NO_PROBE
 * @pdev: the device
 * @dev_name: its name
 * @table: connects it with the line
 */
struct button_irq_line {
	const char *param;
	const char *text;
	const char *pull;
	const char *label;
	u32 active_low;
	u32 debounce_us;
	u32 debounce_mode;
	u32 storm_rate;
	char chip[sizeof_field(struct button_irq_info, line)];
	int offset;
	int error;
#define BUTTON_IRQ_NO_PROBE 1
	struct platform_device *pdev;
	char dev_name[sizeof(BUTTON_IRQ_NAME ".") + 10];
	struct gpiod_lookup_table *table;
};

static bool button_irq_read_level = true;
module_param_named(read_level, button_irq_read_level, bool, 0444);
MODULE_PARM_DESC(read_level,
		 "Read the line's level in hard IRQ where the chip allows it (default 1)");

static unsigned int button_irq_ring_events = 1024;
module_param_named(ring_events, button_irq_ring_events, uint, 0444);
MODULE_PARM_DESC(ring_events,
		 "Events kept for readers, a power of two from 16 to 65536 (default 1024)");

/* --- Queue: top half to thread -------------------------------------------------------- */

static void button_irq_push(struct button_irq_queue *q, u64 time, enum button_irq_level level)
{
	unsigned int head = q->head;

	/* Pairs with the release in button_irq_pop(): it is done with the slot we reuse. */
	if (head - smp_load_acquire(&q->tail) == BUTTON_IRQ_QUEUE) {
		/*
		 * Told with the next edge that fits, or when the thread has caught up. Pairs
		 * with the acquire in button_irq_drain(): who sees this sees all edges before.
		 */
		smp_store_release(&q->dropped, q->dropped + 1);
		return;
	}
	q->edge[head % BUTTON_IRQ_QUEUE] = (struct button_irq_edge){
		.time = time, .dropped = q->dropped, .level = level,
	};
	/* Pairs with the acquire in button_irq_pop(): who sees the head sees the edge. */
	smp_store_release(&q->head, head + 1);
}

static bool button_irq_pop(struct button_irq_queue *q, struct button_irq_edge *edge)
{
	unsigned int tail = q->tail;

	/* Pairs with the release in button_irq_push(). */
	if (tail == smp_load_acquire(&q->head))
		return false;
	*edge = q->edge[tail % BUTTON_IRQ_QUEUE];
	/* Pairs with the acquire in button_irq_push(): the slot may be reused. */
	smp_store_release(&q->tail, tail + 1);
	return true;
}

/* Has no edge come since the line was read? Reading it orders by itself: readl(), or a lock. */
static bool button_irq_queue_is_empty(const struct button_irq_queue *q)
{
	return q->tail == READ_ONCE(q->head);
}

/* --- Top half ------------------------------------------------------------------------- */

/*
 * Does this edge exceed what storm_rate allows? A token bucket counted in time: each edge
 * costs 1 s / storm_rate, and a burst may run up a debt of BUTTON_IRQ_STORM_BURST edges.
 * Only the top half touches the bucket.
 */
static bool button_irq_is_storm(struct button_irq *b, u64 now)
{
	struct button_irq_storm *s = &b->storm;
	u32 cost = READ_ONCE(b->edge_cost_ns);

	if (s->cost_ns != cost || s->paid_until < now) {
		s->cost_ns = cost;
		s->paid_until = now;
	}
	if (cost && s->paid_until - now >= (u64)cost * BUTTON_IRQ_STORM_BURST)
		return true;
	s->paid_until += cost;
	return false;
}

/*
 * The rest of the top half; for nested interrupts, called by the thread with a bus to read.
 * Returns whether the thread has to be woken: within a window it has nothing to tell, and the
 * edges, bounces most of them, can wait in the queue for the timer, as long as there is room.
 */
static bool button_irq_record(struct button_irq *b, u64 now, enum button_irq_level level)
{
	if (READ_ONCE(b->sleep) == BUTTON_IRQ_RESUMED)
		WRITE_ONCE(b->sleep, BUTTON_IRQ_AWAKE);

	if (unlikely(button_irq_is_storm(b, now))) {
		disable_irq_nosync(b->irq);
		set_bit(BUTTON_IRQ_WORK_STORM, &b->work);
		return true;
	}
	trace_button_irq_edge(MINOR(b->dev.devt), now, level);
	button_irq_push(&b->queue, now, level);
	/*
	 * Pairs with xchg() in button_irq_process(): we see that the quiet is over, or the
	 * thread, which ended it, sees the edge.
	 */
	smp_mb();
	return !READ_ONCE(b->quiet) || b->queue.head % BUTTON_IRQ_BATCH == 0;
}

/*
 * genirq replays an interrupt that was pending when a line is unmasked, even from before it
 * was ours, or that woke the system: from a tasklet, and late. Its time is not that of an
 * edge: the line is looked at instead.
 */
static void button_irq_replayed(struct button_irq *b)
{
	if (READ_ONCE(b->sleep) != BUTTON_IRQ_AWAKE) {
		WRITE_ONCE(b->sleep, BUTTON_IRQ_AWAKE);
		set_bit(BUTTON_IRQ_WORK_WAKE, &b->work);
	}
	set_bit(BUTTON_IRQ_WORK_SAMPLE, &b->work);
}

/*
 * The replay finds the handler busy on another CPU, with an edge that the controller latched
 * after the one that woke us. genirq then has that CPU run the handler once more, in hard
 * IRQ: a replay that looks like an edge, but for its level, which is that edge's again.
 */
static bool button_irq_replayed_in_hardirq(struct button_irq *b, enum button_irq_level level)
{
	/* Pairs with the release in button_irq_suspend(): sleep_level is set. */
	if (smp_load_acquire(&b->sleep) != BUTTON_IRQ_ASLEEP)
		return false;
	if (b->sleep_level == (int)level)
		return true;
	b->sleep_level = level;
	return false;
}

/*
 * What the controller latched while the line was masked is delivered now, late as a replay
 * and to be treated as one. The caller looks at the line next. Process context.
 */
static void button_irq_unmask(struct button_irq *b)
{
	WRITE_ONCE(b->armed, false);
	enable_irq(b->irq);
	synchronize_hardirq(b->irq);
	WRITE_ONCE(b->armed, true);
}

/*
 * Hard IRQ, on PREEMPT_RT too (IRQF_NO_THREAD): no sleeping lock, no wake-up but the
 * thread's. genirq never runs the handler of one line twice at a time, so this is the
 * queue's single producer.
 */
static irqreturn_t button_irq_top_half(int irq, void *data)
{
	struct button_irq *b = data;
	u64 now = ktime_get_ns();
	enum button_irq_level level = BUTTON_IRQ_LEVEL_UNKNOWN;

	if (unlikely(!in_hardirq() || !READ_ONCE(b->armed))) {
		button_irq_replayed(b);
		goto wake;
	}
	if (b->read_level) {
		int value = gpiod_get_value(b->gpiod);

		if (likely(value >= 0))
			level = value;
	}
	if (unlikely(button_irq_replayed_in_hardirq(b, level)))
		button_irq_replayed(b);
	else if (!button_irq_record(b, now, level))
		return IRQ_HANDLED;
wake:
	/*
	 * With IRQ_WAKE_THREAD genirq waits for the thread to say that this was handled, and
	 * takes a line for broken, and disables it, when 100,000 edges come before the thread
	 * does. So one that is behind is woken by ourselves, which costs a little more.
	 */
	if (b->queue.head - READ_ONCE(b->queue.tail) > 1) {
		irq_wake_thread(irq, b);
		return IRQ_HANDLED;
	}
	return IRQ_WAKE_THREAD;
}

/* --- Ring: thread to readers ---------------------------------------------------------- */

/* A slot is copied word by word: a reader may look while the writer overwrites. */
#define BUTTON_IRQ_SLOT_WORDS	(sizeof(struct button_irq_slot) / sizeof(u64))

static void button_irq_write(struct button_irq_ring *ring, const struct button_irq_slot *slot)
{
	u64 *to = (u64 *)&ring->slot[ring->head & (ring->size - 1)];
	const u64 *from = (const u64 *)slot;
	unsigned int i;

	WRITE_ONCE(ring->writing, ring->head + 1);
	/*
	 * Pairs with smp_rmb() in button_irq_next(): a reader that caught a word of the new
	 * event sees that its slot was being overwritten.
	 */
	smp_wmb();
	for (i = 0; i < BUTTON_IRQ_SLOT_WORDS; i++)
		WRITE_ONCE(to[i], from[i]);
	/* Pairs with the acquire in button_irq_next(): who sees the head sees the event. */
	smp_store_release(&ring->head, ring->head + 1);
}

/*
 * Take the reader's next event, or the LOST record that stands for those it was too slow
 * for. Needs the reader's lock. Returns false when there is none. Inlined, as nothing may be
 * called while user memory is open to us.
 */
static __always_inline bool button_irq_next(struct button_irq_reader *r,
					    struct button_irq_event *event)
{
	struct button_irq_ring *ring = &r->button->ring;
	unsigned long cursor = r->cursor;
	unsigned long writing;

	/* Pairs with the release in button_irq_write(). */
	if (cursor == smp_load_acquire(&ring->head))
		return false;

	for (;;) {
		const struct button_irq_slot *slot = &ring->slot[cursor & (ring->size - 1)];
		const u64 *from = (const u64 *)&slot->event;
		u64 *to = (u64 *)event;
		unsigned int i;

		for (i = 0; i < sizeof(*event) / sizeof(u64); i++)
			to[i] = READ_ONCE(from[i]);
		if (r->clock != CLOCK_MONOTONIC)
			event->timestamp_ns = r->clock == CLOCK_BOOTTIME ?
				READ_ONCE(slot->boottime_ns) : READ_ONCE(slot->realtime_ns);
		/* Pairs with smp_wmb() in button_irq_write(): was this slot still ours? */
		smp_rmb();
		writing = READ_ONCE(ring->writing);
		if (writing - cursor <= ring->size)
			break;
		cursor = writing - ring->size;
	}

	if (cursor == r->cursor) {
		cursor++;
	} else {
		/* Overtaken: tell how many, and leave the event for the next call. */
		event->type = BUTTON_IRQ_LOST;
		event->seq -= cursor - r->cursor;
		event->held_ns = 0;
		event->count = min_t(unsigned long, cursor - r->cursor, U32_MAX);
		cursor = r->cursor + event->count;
	}
	WRITE_ONCE(r->cursor, cursor);
	return true;
}

/* The oldest event still kept, for REWIND. */
static unsigned long button_irq_oldest(const struct button_irq_ring *ring)
{
	/* A slot without a number was never written; the last has none until the ring is full. */
	bool full = READ_ONCE(ring->slot[ring->size - 1].event.seq);

	/*
	 * Pairs with smp_wmb() in button_irq_write(): full, and as many are being written at least.
	 * The other way round, a ring that is not full might be taken for one, by what is written
	 * meanwhile, and the oldest event for one from before the first.
	 */
	smp_rmb();
	return full ? READ_ONCE(ring->writing) - ring->size : 0;
}

/* --- Thread: edges to events ---------------------------------------------------------- */

/* Make @n reports of the debouncer known: counters first, so that an event finds them. */
static void button_irq_publish(struct button_irq *b, const struct button_irq_report *r,
			       unsigned int n)
{
	const struct button_irq_debounce *d = &b->debounce;
	struct button_irq_stats *s = &b->stats;

	WRITE_ONCE(s->edges, d->edges);
	WRITE_ONCE(s->inferred, d->inferred);
	WRITE_ONCE(s->presses, d->presses);
	WRITE_ONCE(s->releases, d->releases);
	WRITE_ONCE(s->bounces, d->bounces);
	WRITE_ONCE(s->missed, d->missed);
	WRITE_ONCE(s->storms, b->storms);
	WRITE_ONCE(s->state, d->state);

	for (; n; n--, r++) {
		ktime_t time = ns_to_ktime(r->time);
		struct button_irq_slot slot = {
			.event = {
				.seq = ++b->seq,
				.timestamp_ns = r->time,
				.held_ns = r->held,
				.type = r->type,
				.count = r->count,
			},
			.boottime_ns = ktime_to_ns(ktime_mono_to_any(time, TK_OFFS_BOOT)),
			.realtime_ns = ktime_to_ns(ktime_mono_to_real(time)),
		};

		trace_button_irq_event(MINOR(b->dev.devt), &slot.event);
		button_irq_write(&b->ring, &slot);
		b->news = true;
	}
}

/*
 * Wake who polls "state". To be told again, a poller has to read first; so where no one has
 * read, no one waits, and the work item that a notice costs can be saved.
 */
static void button_irq_tell_state(struct button_irq *b)
{
	if (b->state_told == b->debounce.state)
		return;
	b->state_told = b->debounce.state;
	/* Pairs with the one in state_show(): it sees the new state, or we see that it looked. */
	if (!xchg(&b->state_read, 0))
		return;
	/* The node is not there yet while the probe makes it. */
	if (READ_ONCE(b->state_node))
		sysfs_notify_dirent(b->state_node);
}

/* Wake who waits for events, once for all that were written. */
static void button_irq_tell(struct button_irq *b)
{
	if (!b->news)
		return;
	b->news = false;
	wake_up_interruptible_poll(&b->wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&b->async, SIGIO, POLL_IN);
	button_irq_tell_state(b);
}

static void button_irq_missed(struct button_irq *b, u32 count, u64 time)
{
	struct button_irq_report r;

	button_irq_publish(b, &r, button_irq_debounce_missed(&b->debounce, count, time, &r));
}

/* Tell edges that the queue had no room for, @total since the start. */
static bool button_irq_dropped(struct button_irq *b, u32 total, u64 time)
{
	u32 count = total - b->dropped;

	if (!count)
		return false;
	b->dropped = total;
	button_irq_missed(b, count, time);
	return true;
}

/*
 * Feed queued edges to the debouncer, BUTTON_IRQ_BATCH at most. Returns whether there may be
 * more. Adds to *@work a look at the line where edges alone do not tell where it is now.
 *
 * Where levels are not known, alternation is trusted, and the line is looked at a little
 * later: a sample takes its time on a bus, and now there may be edges on their way.
 */
static bool button_irq_drain(struct button_irq *b, u64 now, unsigned long *work)
{
	struct button_irq_report r[BUTTON_IRQ_REPORTS];
	/* Pairs with the release in button_irq_push(): edges from before are popped below. */
	u32 dropped = smp_load_acquire(&b->queue.dropped);
	struct button_irq_edge edge;
	bool told = false;
	unsigned int n;

	for (n = 0; n < BUTTON_IRQ_BATCH && button_irq_pop(&b->queue, &edge); n++) {
		told |= button_irq_dropped(b, edge.dropped, edge.time);
		if (edge.level == BUTTON_IRQ_LEVEL_UNKNOWN)
			b->look_time = edge.time + BUTTON_IRQ_CONFIRM_NS;
		button_irq_publish(b, r, button_irq_debounce_edge(&b->debounce, edge.level,
								  edge.time, r));
	}
	/* The queue is empty: dropped after the last that fitted. */
	if (n < BUTTON_IRQ_BATCH)
		told |= button_irq_dropped(b, dropped, now);
	if (told)
		*work |= BIT(BUTTON_IRQ_WORK_SAMPLE);
	button_irq_tell(b);
	return n == BUTTON_IRQ_BATCH;
}

static enum button_irq_level button_irq_sample(struct button_irq *b)
{
	int value = gpiod_get_value_cansleep(b->gpiod);

	return value < 0 ? BUTTON_IRQ_LEVEL_UNKNOWN : value;
}

/* When to look at the line: the debouncer, where it has a time of its own, looks for us. */
static u64 button_irq_sample_time(struct button_irq *b)
{
	u64 time = button_irq_debounce_deadline(&b->debounce);

	return time == BUTTON_IRQ_NO_DEADLINE ? b->look_time : time;
}

/* Set the timer to the next deadline. One that fires for nothing does no harm. */
static void button_irq_set_timer(struct button_irq *b)
{
	u64 time = button_irq_sample_time(b);

	if (b->masked)
		time = min(time, b->unmask_time);
	if (time == BUTTON_IRQ_NO_DEADLINE || time == b->timer_time)
		return;
	b->timer_time = time;
	hrtimer_start(&b->timer, ns_to_ktime(time), HRTIMER_MODE_ABS_HARD);
}

/* Have the thread look at what is due. Any context. */
static void button_irq_wake_thread(struct button_irq *b)
{
	if (b->nested)
		queue_work(system_highpri_wq, &b->nested_work);
	else
		irq_wake_thread(b->irq, b);
}

/*
 * The one owner of debouncer, ring and timer at work. Process context, with b->lock held.
 *
 * A sample says where the line is only if every edge before it has been fed: drain the
 * queue, take the sample, and if edges came meanwhile, come again.
 *
 * Once through, and called again where that is not enough: on a line that does not rest
 * there may always be one more edge, and readers and settings wait.
 */
static void button_irq_process(struct button_irq *b)
{
	struct button_irq_debounce *d = &b->debounce;
	enum button_irq_level level = BUTTON_IRQ_LEVEL_UNKNOWN;
	struct button_irq_report r[BUTTON_IRQ_REPORTS];
	u64 now = ktime_get_ns();
	bool again, due;
	unsigned long work;

	lockdep_assert_held(&b->lock);
	if (b->gone)
		return;

	WRITE_ONCE(b->quiet, false);
	/* Orders as a full barrier; pairs with smp_mb() in button_irq_record(). */
	work = xchg(&b->work, 0);
	button_irq_debounce_configure(d, READ_ONCE(b->debounce_us) * (u64)NSEC_PER_USEC,
				      READ_ONCE(b->debounce_mode));
	if (now >= b->timer_time)
		b->timer_time = BUTTON_IRQ_NO_DEADLINE;
	if (b->masked && now >= b->unmask_time) {
		b->masked = false;
		button_irq_unmask(b);
		work |= BIT(BUTTON_IRQ_WORK_SAMPLE);
	}
	if (work & BIT(BUTTON_IRQ_WORK_WAKE)) {
		work &= ~BIT(BUTTON_IRQ_WORK_WAKE);
		pm_wakeup_event(b->parent, 0);
		button_irq_publish(b, r, button_irq_debounce_wake(d, now, r));
	}

	again = button_irq_drain(b, now, &work);
	due = !again && (work || now >= button_irq_sample_time(b));
	if (due) {
		/* Younger than all that was fed. */
		now = ktime_get_ns();
		level = button_irq_sample(b);
		again = !button_irq_queue_is_empty(&b->queue);
	}
	if (again) {
		set_mask_bits(&b->work, 0UL, work);
		button_irq_wake_thread(b);
		return;
	}

	if (work & BIT(BUTTON_IRQ_WORK_STORM)) {
		/* At least the edge that was one too many. */
		b->storms++;
		b->masked = true;
		b->unmask_time = now + BUTTON_IRQ_STORM_MASK_NS;
		button_irq_missed(b, 1, now);
	}
	if (due) {
		button_irq_publish(b, r, button_irq_debounce_sample(d, level, now, r));
		b->look_time = BUTTON_IRQ_NO_DEADLINE;
	}
	button_irq_tell(b);
	button_irq_set_timer(b);
	/* The timer is set to the end of this window. */
	WRITE_ONCE(b->quiet, d->open && !d->doubt);
}

/*
 * The threaded handler. Always IRQ_HANDLED: where there is no top half to say so, genirq
 * takes an interrupt that no one handled for spurious and would in the end disable the line.
 */
static irqreturn_t button_irq_thread(int irq, void *data)
{
	struct button_irq *b = data;

	mutex_lock(&b->lock);
	/* A nested interrupt has no top half. */
	if (b->nested)
		button_irq_record(b, ktime_get_ns(), BUTTON_IRQ_LEVEL_UNKNOWN);
	button_irq_process(b);
	mutex_unlock(&b->lock);
	return IRQ_HANDLED;
}

static void button_irq_nested_work(struct work_struct *work)
{
	struct button_irq *b = container_of(work, struct button_irq, nested_work);

	mutex_lock(&b->lock);
	button_irq_process(b);
	mutex_unlock(&b->lock);
}

static void button_irq_request_sample(struct button_irq *b)
{
	set_bit(BUTTON_IRQ_WORK_SAMPLE, &b->work);
	button_irq_wake_thread(b);
}

/* Hard IRQ context, on PREEMPT_RT too. */
static enum hrtimer_restart button_irq_timer(struct hrtimer *timer)
{
	button_irq_wake_thread(container_of(timer, struct button_irq, timer));
	return HRTIMER_NORESTART;
}

/* --- File operations ------------------------------------------------------------------ */

static bool button_irq_readable(struct button_irq_reader *r)
{
	if (READ_ONCE(r->left))
		return true;
	/* Pairs with the release in button_irq_write(). */
	return READ_ONCE(r->cursor) != smp_load_acquire(&r->button->ring.head);
}

/* vsnprintf() takes several times as long, and this is every reader's share of an event. */
static noinline char *button_irq_put_number(char *p, u64 n, unsigned int min_digits)
{
	char reversed[20];
	unsigned int len = 0;

	do {
		u64 rest = div_u64(n, 10);

		reversed[len++] = '0' + (n - rest * 10);
		n = rest;
	} while (n || len < min_digits);
	while (len)
		*p++ = reversed[--len];
	return p;
}

static noinline char *button_irq_put_seconds(char *p, u64 ns)
{
	u32 rest;

	p = button_irq_put_number(p, div_u64_rem(ns, NSEC_PER_SEC, &rest), 1);
	*p++ = '.';
	return button_irq_put_number(p, rest, 9);
}

static unsigned int button_irq_format(char *text, const struct button_irq_event *e)
{
	static const char * const words[] = {
		[BUTTON_IRQ_PRESS] = " press",
		[BUTTON_IRQ_RELEASE] = " release ",
		[BUTTON_IRQ_LOST] = " lost ",
		[BUTTON_IRQ_MISSED] = " missed ",
	};
	const char *word = words[e->type];
	char *p = text;

	p = button_irq_put_number(p, e->seq, 1);
	*p++ = ' ';
	p = button_irq_put_seconds(p, e->timestamp_ns);
	memcpy(p, word, strlen(word));
	p += strlen(word);
	if (e->type == BUTTON_IRQ_RELEASE)
		p = button_irq_put_seconds(p, e->held_ns);
	else if (e->type != BUTTON_IRQ_PRESS)
		p = button_irq_put_number(p, e->count, 1);
	*p++ = '\n';
	return p - text;
}

/*
 * At most one line, as /dev/kmsg does: head, sed q and their like read with a large buffer
 * and exit, and could not give back a second line.
 *
 * Returns 0 when there is nothing to read.
 */
static ssize_t button_irq_read_text(struct button_irq_reader *r, char __user *buf, size_t size)
{
	struct button_irq_event event;
	ssize_t n;

	if (!r->left) {
		if (!button_irq_next(r, &event))
			return 0;
		r->pos = 0;
		WRITE_ONCE(r->left, button_irq_format(r->text, &event));
	}
	n = min_t(size_t, size, r->left);
	n -= copy_to_user(buf, r->text + r->pos, n);
	r->pos += n;
	WRITE_ONCE(r->left, r->left - n);
	return n ?: -EFAULT;
}

/* As many whole records as fit; 0 when there is none. */
static ssize_t button_irq_read_binary(struct button_irq_reader *r, char __user *buf, size_t size)
{
	struct button_irq_event event;
	unsigned long cursor;
	size_t n = 0;

	if (size < sizeof(event))
		return -EINVAL;
	/* copy_to_user() takes longer to be called than to copy what is as small as this. */
	if (!user_write_access_begin(buf, size))
		return -EFAULT;
	while (size - n >= sizeof(event)) {
		cursor = r->cursor;
		if (!button_irq_next(r, &event))
			break;
		unsafe_copy_to_user(buf + n, (const char *)&event, sizeof(event), fault);
		n += sizeof(event);
	}
	user_write_access_end();
	return n;

fault:
	user_write_access_end();
	/* Not taken: the next read gives it. */
	WRITE_ONCE(r->cursor, cursor);
	return n ?: -EFAULT;
}

static ssize_t button_irq_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct button_irq_reader *r = file->private_data;
	struct button_irq *b = r->button;
	ssize_t n;
	bool gone;

	for (;;) {
		if (mutex_lock_interruptible(&r->lock))
			return -ERESTARTSYS;
		/* Pairs with the release in button_irq_stop(): what came before is readable. */
		gone = smp_load_acquire(&b->gone);
		if (r->format == BUTTON_IRQ_FORMAT_BINARY)
			n = button_irq_read_binary(r, buf, size);
		else
			n = size ? button_irq_read_text(r, buf, size) : 0;
		mutex_unlock(&r->lock);

		if (n || !size)
			return n;
		if (gone)
			return -ENODEV;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		n = wait_event_interruptible(b->wait,
					     button_irq_readable(r) || READ_ONCE(b->gone));
		if (n)
			return n;
	}
}

static __poll_t button_irq_poll(struct file *file, poll_table *wait)
{
	struct button_irq_reader *r = file->private_data;
	struct button_irq *b = r->button;
	__poll_t events = 0;

	poll_wait(file, &b->wait, wait);
	/* Pairs with the release in button_irq_stop(). */
	if (smp_load_acquire(&b->gone))
		events |= EPOLLHUP | EPOLLERR;
	if (button_irq_readable(r))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static long button_irq_get_info(struct button_irq *b, struct button_irq_info __user *to)
{
	struct button_irq_info info = {
		.abi_version = BUTTON_IRQ_ABI_VERSION,
		.state = READ_ONCE(b->stats.state),
		.debounce_us = READ_ONCE(b->debounce_us),
		.debounce_mode = READ_ONCE(b->debounce_mode),
		.ring_events = b->ring.size,
	};

	if (READ_ONCE(b->gone))
		return -ENODEV;
	/* Both are zero-filled to their ends. */
	memcpy(info.label, b->label, sizeof(info.label));
	memcpy(info.line, b->line, sizeof(info.line));
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
}

/* Called with the reader's lock held. */
static long button_irq_set(struct button_irq_reader *r, unsigned int cmd, u32 value)
{
	switch (cmd) {
	case BUTTON_IRQ_IOC_SET_FORMAT:
		if (value != BUTTON_IRQ_FORMAT_TEXT && value != BUTTON_IRQ_FORMAT_BINARY)
			return -EINVAL;
		r->format = value;
		break;
	case BUTTON_IRQ_IOC_SET_CLOCK:
		if (value != CLOCK_MONOTONIC && value != CLOCK_BOOTTIME &&
		    value != CLOCK_REALTIME)
			return -EINVAL;
		r->clock = value;
		break;
	case BUTTON_IRQ_IOC_REWIND:
		WRITE_ONCE(r->cursor, button_irq_oldest(&r->button->ring));
		break;
	}
	/* The rest of a line read in part belongs to what was before. */
	WRITE_ONCE(r->left, 0);
	return 0;
}

static long button_irq_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct button_irq_reader *r = file->private_data;
	void __user *argp = (void __user *)arg;
	u32 value = 0;
	long ret;

	switch (cmd) {
	case BUTTON_IRQ_IOC_GET_INFO:
		return button_irq_get_info(r->button, argp);
	case BUTTON_IRQ_IOC_SET_FORMAT:
	case BUTTON_IRQ_IOC_SET_CLOCK:
		if (copy_from_user(&value, argp, sizeof(value)))
			return -EFAULT;
		break;
	case BUTTON_IRQ_IOC_REWIND:
		break;
	default:
		return -ENOTTY;
	}

	if (mutex_lock_interruptible(&r->lock))
		return -ERESTARTSYS;
	ret = button_irq_set(r, cmd, value);
	mutex_unlock(&r->lock);
	return ret;
}

static int button_irq_fasync(int fd, struct file *file, int on)
{
	struct button_irq_reader *r = file->private_data;

	return fasync_helper(fd, file, on, &r->button->async);
}

static int button_irq_open(struct inode *inode, struct file *file)
{
	struct button_irq *b = container_of(inode->i_cdev, struct button_irq, cdev);
	struct button_irq_reader *r;

	/* The node may have been looked up just before it went. */
	if (READ_ONCE(b->gone))
		return -ENODEV;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	mutex_init(&r->lock);
	r->format = BUTTON_IRQ_FORMAT_TEXT;
	r->clock = CLOCK_MONOTONIC;
	r->button = b;
	/* Pairs with the release in button_irq_write(): only what happens from now on. */
	r->cursor = smp_load_acquire(&b->ring.head);
	get_device(&b->dev);
	file->private_data = r;
	/* Every lseek() is ESPIPE: by that a shell knows not to read more than its line. */
	return stream_open(inode, file);
}

static int button_irq_release(struct inode *inode, struct file *file)
{
	struct button_irq_reader *r = file->private_data;

	put_device(&r->button->dev);
	kfree(r);
	return 0;
}

static const struct file_operations button_irq_fops = {
	.owner = THIS_MODULE,
	.open = button_irq_open,
	.release = button_irq_release,
	.read = button_irq_read,
	.poll = button_irq_poll,
	.unlocked_ioctl = button_irq_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.fasync = button_irq_fasync,
};

/* --- sysfs ---------------------------------------------------------------------------- */

static struct button_irq *to_button_irq(struct device *dev)
{
	return container_of(dev, struct button_irq, dev);
}

static ssize_t label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_button_irq(dev)->label);
}
static DEVICE_ATTR_RO(label);

static ssize_t line_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_button_irq(dev)->line);
}
static DEVICE_ATTR_RO(line);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct button_irq *b = to_button_irq(dev);

	/* Pairs with the one in button_irq_tell_state(), and orders as a full barrier. */
	xchg(&b->state_read, 1);
	return sysfs_emit(buf, "%s\n", READ_ONCE(b->stats.state) ? "pressed" : "released");
}
static DEVICE_ATTR_RO(state);

#define BUTTON_IRQ_COUNTER(name)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	return sysfs_emit(buf, "%lu\n", READ_ONCE(to_button_irq(dev)->stats.name));	\
}

BUTTON_IRQ_COUNTER(edges)
static DEVICE_ATTR_RO(edges);
BUTTON_IRQ_COUNTER(inferred)
static DEVICE_ATTR_RO(inferred);
BUTTON_IRQ_COUNTER(presses)
static DEVICE_ATTR_RO(presses);
BUTTON_IRQ_COUNTER(releases)
static DEVICE_ATTR_RO(releases);
BUTTON_IRQ_COUNTER(bounces)
static DEVICE_ATTR_RO(bounces);
BUTTON_IRQ_COUNTER(missed)
static DEVICE_ATTR_RO(missed);
BUTTON_IRQ_COUNTER(storms)
static DEVICE_ATTR_RO(storms);

static ssize_t debounce_us_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_button_irq(dev)->debounce_us));
}

static ssize_t debounce_us_store(struct device *dev, struct device_attribute *attr,
				 const char *buf, size_t count)
{
	struct button_irq *b = to_button_irq(dev);
	u32 value;

	if (kstrtou32(buf, 10, &value) || value > BUTTON_IRQ_DEBOUNCE_US_MAX)
		return -EINVAL;
	WRITE_ONCE(b->debounce_us, value);
	button_irq_request_sample(b);
	return count;
}
static DEVICE_ATTR_RW(debounce_us);

static ssize_t debounce_mode_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u32 mode = READ_ONCE(to_button_irq(dev)->debounce_mode);

	return sysfs_emit(buf, "%s\n", button_irq_modes[mode]);
}

static ssize_t debounce_mode_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	struct button_irq *b = to_button_irq(dev);
	int mode = sysfs_match_string(button_irq_modes, buf);

	if (mode < 0)
		return -EINVAL;
	WRITE_ONCE(b->debounce_mode, mode);
	button_irq_request_sample(b);
	return count;
}
static DEVICE_ATTR_RW(debounce_mode);

static void button_irq_set_storm_rate(struct button_irq *b, u32 rate)
{
	WRITE_ONCE(b->storm_rate, rate);
	WRITE_ONCE(b->edge_cost_ns, rate ? NSEC_PER_SEC / rate : 0);
}

static ssize_t storm_rate_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_button_irq(dev)->storm_rate));
}

static ssize_t storm_rate_store(struct device *dev, struct device_attribute *attr,
				const char *buf, size_t count)
{
	u32 value;

	if (kstrtou32(buf, 10, &value) || value > BUTTON_IRQ_STORM_RATE_MAX)
		return -EINVAL;
	button_irq_set_storm_rate(to_button_irq(dev), value);
	return count;
}
static DEVICE_ATTR_RW(storm_rate);

static struct attribute *button_irq_attrs[] = {
	&dev_attr_label.attr,
	&dev_attr_line.attr,
	&dev_attr_state.attr,
	&dev_attr_presses.attr,
	&dev_attr_releases.attr,
	&dev_attr_edges.attr,
	&dev_attr_inferred.attr,
	&dev_attr_bounces.attr,
	&dev_attr_missed.attr,
	&dev_attr_storms.attr,
	&dev_attr_debounce_us.attr,
	&dev_attr_debounce_mode.attr,
	&dev_attr_storm_rate.attr,
	NULL
};
ATTRIBUTE_GROUPS(button_irq);

static char *button_irq_devnode(BUTTON_IRQ_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0440;
	return NULL;
}

static struct class button_irq_class = {
	.name = BUTTON_IRQ_NAME,
	.dev_groups = button_irq_groups,
	.devnode = button_irq_devnode,
};

/* --- Minor numbers -------------------------------------------------------------------- */

static dev_t button_irq_devt;

/*
 * Which button has, or last had, a minor number, and so which node name. A button that is
 * bound again gets the name it had.
 */
static DEFINE_MUTEX(button_irq_minors_lock);
static struct {
	char *parent;
	bool bound;
} button_irq_minors[BUTTON_IRQ_BUTTONS];

static int button_irq_get_minor(const char *parent)
{
	int i, minor = -ENOSPC;
	char *copy;

	copy = kstrdup(parent, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	mutex_lock(&button_irq_minors_lock);
	for (i = BUTTON_IRQ_BUTTONS - 1; i >= 0; i--) {
		if (button_irq_minors[i].bound)
			continue;
		minor = i;
		if (button_irq_minors[i].parent && !strcmp(button_irq_minors[i].parent, parent))
			break;
	}
	if (minor >= 0) {
		swap(button_irq_minors[minor].parent, copy);
		button_irq_minors[minor].bound = true;
	}
	mutex_unlock(&button_irq_minors_lock);
	kfree(copy);
	return minor;
}

static void button_irq_put_minor(unsigned int minor)
{
	mutex_lock(&button_irq_minors_lock);
	button_irq_minors[minor].bound = false;
	mutex_unlock(&button_irq_minors_lock);
}

static void button_irq_forget_minors(void)
{
	unsigned int i;

	for (i = 0; i < BUTTON_IRQ_BUTTONS; i++)
		kfree(button_irq_minors[i].parent);
}

/* --- Controllers and their lines ------------------------------------------------------ */

/**
 * struct button_irq_chip - a GPIO controller, found by number
 * @skip: in: how many to pass over
 * @label: in: pass over those with other labels, or NULL
 * @name: in: a line name to look for, or NULL
 * @offset: in: the line whose user is wanted; out: where @name is, or -1
 * @ngpio: out: how many lines
 * @found: out: its label
 * @user: out: who has the line @offset
 * @fwnode: out: where names of lines may stand; to be put
 */
struct button_irq_chip {
	unsigned int skip;
	const char *label;
	const char *name;
	int offset;
	unsigned int ngpio;
	char found[sizeof_field(struct button_irq_info, line)];
	char user[32];
	struct fwnode_handle *fwnode;
};

/* Under a spinlock in older kernels. */
static int button_irq_match_chip(struct gpio_chip *gc, BUTTON_IRQ_MATCH_CONST void *data)
{
	struct button_irq_chip *chip = (struct button_irq_chip *)data;
	unsigned int i;

	if (!gc->label || (chip->label && strcmp(chip->label, gc->label)) || chip->skip--)
		return 0;

	chip->skip = 0;
	chip->ngpio = gc->ngpio;
	strscpy(chip->found, gc->label, sizeof(chip->found));
	if (chip->name) {
		chip->offset = -1;
		for (i = 0; gc->names && i < gc->ngpio; i++)
			if (gc->names[i] && !strcmp(gc->names[i], chip->name))
				chip->offset = i;
		chip->fwnode = fwnode_handle_get(button_irq_chip_fwnode(gc));
	} else if (chip->offset < gc->ngpio) {
		button_irq_line_user(gc, chip->offset, chip->user, sizeof(chip->user));
	}
	return 1;
}

/* Returns the chip's label in @chip->found if it has a line of that name. */
static bool __init button_irq_find_name(const char *name, struct button_irq_chip *chip)
{
	unsigned int i;

	for (i = 0;; i++) {
		*chip = (struct button_irq_chip){ .skip = i, .name = name };
		if (!button_irq_find_chip(chip, button_irq_match_chip))
			return false;
		if (chip->offset < 0)
			chip->offset = fwnode_property_match_string(chip->fwnode,
								    "gpio-line-names", name);
		fwnode_handle_put(chip->fwnode);
		if (chip->offset >= 0)
			return true;
	}
}

static bool button_irq_find_label(const char *label, int offset, struct button_irq_chip *chip)
{
	*chip = (struct button_irq_chip){ .label = label, .offset = offset };
	return button_irq_find_chip(chip, button_irq_match_chip) &&
	       offset < chip->ngpio;
}

/* A line given by a module parameter cannot be had: say so, naming the parameter. */
static int button_irq_line_error(const struct button_irq_line *line, int error)
{
	struct button_irq_chip chip;

	switch (error) {
	case -EBUSY:
		button_irq_find_label(line->chip, line->offset, &chip);
		pr_err("%s=%s: the line is in use%s%s\n", line->param, line->text,
		       *chip.user ? " by " : "", chip.user);
		return error;
	case -ENODEV:
	case -EPROBE_DEFER:	/* gone since it was found */
		pr_err("%s=%s: no such GPIO line (spellings: gpio=17, line=GPIO17, line=pinctrl-bcm2711:17; gpioinfo lists them)\n",
		       line->param, line->text);
		return -ENODEV;
	default:
		pr_err("%s=%s: cannot get the line: error %d\n", line->param, line->text, error);
		return error;
	}
}

/* --- Probe ---------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned long config;
} button_irq_pulls[] = {
	{ "up", PIN_CONF_PACKED(PIN_CONFIG_BIAS_PULL_UP, 1) },
	{ "down", PIN_CONF_PACKED(PIN_CONFIG_BIAS_PULL_DOWN, 1) },
	{ "off", PIN_CONF_PACKED(PIN_CONFIG_BIAS_DISABLE, 0) },
	{ "as-is", 0 },
};

static void button_irq_dev_release(struct device *dev)
{
	struct button_irq *b = to_button_irq(dev);

	kvfree(b->ring.slot);
	kfree(b);
}

static struct button_irq *button_irq_alloc(struct device *parent)
{
	struct button_irq *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	device_initialize(&b->dev);
	b->dev.class = &button_irq_class;
	b->dev.parent = parent;
	b->dev.release = button_irq_dev_release;
	b->parent = parent;

	b->ring.size = button_irq_ring_events;
	b->ring.slot = kvcalloc(b->ring.size, sizeof(*b->ring.slot), GFP_KERNEL);
	if (!b->ring.slot) {
		put_device(&b->dev);
		return NULL;
	}
	cdev_init(&b->cdev, &button_irq_fops);
	b->cdev.owner = THIS_MODULE;
	mutex_init(&b->lock);
	init_waitqueue_head(&b->wait);
	INIT_WORK(&b->nested_work, button_irq_nested_work);
	hrtimer_setup(&b->timer, button_irq_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	b->timer_time = BUTTON_IRQ_NO_DEADLINE;
	b->look_time = BUTTON_IRQ_NO_DEADLINE;
	return b;
}

static void button_irq_put(void *data)
{
	struct button_irq *b = data;

	put_device(&b->dev);
}

static void button_irq_release_minor(void *data)
{
	struct button_irq *b = data;

	button_irq_put_minor(MINOR(b->dev.devt));
}

/* A label is a file name under /dev/button, and a word in messages. */
static bool button_irq_label_valid(const char *label)
{
	const char *c;

	if (!*label || strlen(label) >= sizeof_field(struct button_irq_info, label) ||
	    !strcmp(label, ".") || !strcmp(label, ".."))
		return false;
	for (c = label; *c; c++)
		if (!isascii(*c) || !isprint(*c) || *c == '/')
			return false;
	return true;
}

/*
 * Settings of a line that was given by module parameters. They do not come as properties:
 * that would take a software node, which the kernel frees twice when a device is removed
 * that had no memory for the node's links in sysfs (software_node_notify() of 6.12).
 */
static void button_irq_take_params(struct button_irq *b, const struct button_irq_line *line)
{
	b->debounce_us = line->debounce_us;
	b->debounce_mode = line->debounce_mode;
	button_irq_set_storm_rate(b, line->storm_rate);
	strscpy_pad(b->label, *line->label ? line->label : dev_name(&b->dev), sizeof(b->label));
}

/* And of one in the device tree. */
static int button_irq_read_properties(struct button_irq *b)
{
	struct device *dev = b->parent;
	const char *text;
	int mode;

	b->debounce_us = BUTTON_IRQ_DEBOUNCE_US;
	b->debounce_mode = BUTTON_IRQ_MODE_EAGER;
	button_irq_set_storm_rate(b, BUTTON_IRQ_STORM_RATE);
	strscpy_pad(b->label, dev_name(&b->dev), sizeof(b->label));

	if (device_property_present(dev, "debounce-us")) {
		if (device_property_read_u32(dev, "debounce-us", &b->debounce_us))
			return dev_err_probe(dev, -EINVAL, "debounce-us: not one number\n");
		if (b->debounce_us > BUTTON_IRQ_DEBOUNCE_US_MAX)
			return dev_err_probe(dev, -EINVAL, "debounce-us: %u is over %u\n",
					     b->debounce_us, BUTTON_IRQ_DEBOUNCE_US_MAX);
	}
	if (device_property_present(dev, "debounce-mode")) {
		if (device_property_read_string(dev, "debounce-mode", &text))
			return dev_err_probe(dev, -EINVAL, "debounce-mode: not one word\n");
		mode = match_string(button_irq_modes, ARRAY_SIZE(button_irq_modes), text);
		if (mode < 0)
			return dev_err_probe(dev, -EINVAL,
					     "debounce-mode: %s is neither eager nor settle\n",
					     text);
		b->debounce_mode = mode;
	}
	if (device_property_present(dev, "label")) {
		if (device_property_read_string(dev, "label", &text))
			return dev_err_probe(dev, -EINVAL, "label: not one text\n");
		if (!button_irq_label_valid(text))
			return dev_err_probe(dev, -EINVAL,
					     "label: %s is not 1 to %zu printable characters without /\n",
					     text, sizeof(b->label) - 1);
		strscpy_pad(b->label, text, sizeof(b->label));
	}
	return 0;
}

/* Returns what to add to the message at probe: a pull the controller cannot set. */
static const char *button_irq_set_pull(struct button_irq *b, const char *pull)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(button_irq_pulls); i++)
		if (!strcmp(pull, button_irq_pulls[i].name))
			break;
	if (i == ARRAY_SIZE(button_irq_pulls) || !button_irq_pulls[i].config)
		return "";
	if (gpiod_set_config(b->gpiod, button_irq_pulls[i].config))
		return ", the controller cannot set pull=";
	/* 50 kOhm and a few hundred pF of wire: some 10 us until the line is there. */
	usleep_range(100, 200);
	return "";
}

static int button_irq_get_line(struct button_irq *b)
{
	struct device *dev = b->parent;
	struct device *chip;

	b->gpiod = devm_gpiod_get(dev, NULL, GPIOD_IN);
	if (IS_ERR(b->gpiod)) {
		if (dev_get_platdata(dev))
			return button_irq_line_error(*(struct button_irq_line **)
						     dev_get_platdata(dev), PTR_ERR(b->gpiod));
		return dev_err_probe(dev, PTR_ERR(b->gpiod), "gpios: cannot get the line\n");
	}
	gpiod_set_consumer_name(b->gpiod, BUTTON_IRQ_NAME);
	snprintf(b->line, sizeof(b->line), "%s:%u", button_irq_line_chip(b->gpiod),
		 button_irq_line_offset(b->gpiod));

	/* Without a link a vanishing chip would free our interrupt behind our back. */
	chip = button_irq_line_parent(b->gpiod);
	if (chip && !device_link_add(dev, chip, DL_FLAG_AUTOREMOVE_CONSUMER))
		return dev_err_probe(dev, -EINVAL, "%s: cannot link to its controller %s\n",
				     b->line, dev_name(chip));

	b->read_level = button_irq_read_level && !gpiod_cansleep(b->gpiod);
	return 0;
}

/* Where the button is when the driver comes, with its pull set: state, but no event. */
static int button_irq_init_state(struct button_irq *b)
{
	int value = gpiod_get_value_cansleep(b->gpiod);

	if (value < 0)
		return dev_err_probe(b->parent, value, "%s: cannot read the line\n", b->line);
	button_irq_debounce_init(&b->debounce, value);
	b->state_told = value;
	button_irq_publish(b, NULL, 0);
	return 0;
}

/* No event from here on; the thread has ended. Process context. */
static void button_irq_stop(struct button_irq *b)
{
	dev_pm_clear_wake_irq(b->parent);
	device_init_wakeup(b->parent, false);
	free_irq(b->irq, b);

	mutex_lock(&b->lock);
	/* Pairs with the acquires in button_irq_read() and button_irq_poll(). */
	smp_store_release(&b->gone, true);
	mutex_unlock(&b->lock);
}

/* After button_irq_stop(), with no open and no sysfs access that could start timer or work. */
static void button_irq_end(struct button_irq *b)
{
	hrtimer_cancel(&b->timer);
	cancel_work_sync(&b->nested_work);
	sysfs_put(b->state_node);

	wake_up_interruptible_poll(&b->wait, EPOLLHUP | EPOLLERR);
	kill_fasync(&b->async, SIGIO, POLL_HUP);
}

/* Undoes button_irq_request_irq() and all that follows. */
static void button_irq_unbind(void *data)
{
	struct button_irq *b = data;

	button_irq_stop(b);
	cdev_device_del(&b->cdev, &b->dev);
	button_irq_end(b);
}

static int button_irq_request_irq(struct button_irq *b)
{
	struct device *dev = b->parent;
	int ret;

	b->irq = gpiod_to_irq(b->gpiod);
	if (b->irq < 0)
		return dev_err_probe(dev, b->irq, "%s: the line has no interrupt\n", b->line);

	/*
	 * IRQF_NO_THREAD keeps the top half in hard IRQ on PREEMPT_RT, beside the thread. Not
	 * IRQF_ONESHOT, which would mask the line until the thread is done.
	 */
	ret = request_threaded_irq(b->irq, button_irq_top_half, button_irq_thread,
				   IRQF_TRIGGER_RISING | IRQF_TRIGGER_FALLING | IRQF_NO_THREAD |
				   IRQF_NO_AUTOEN, dev_name(&b->dev), b);
	if (ret)
		return dev_err_probe(dev, ret, "%s: cannot get interrupt %d\n", b->line, b->irq);
	b->nested = irq_check_status_bit(b->irq, IRQ_NESTED_THREAD);
	return 0;
}

/* Sets what to add to the message at probe. */
static int button_irq_init_wakeup(struct button_irq *b, const char **message)
{
	bool wanted = device_property_read_bool(b->parent, "wakeup-source");
	int ret;

	*message = "";
	/* The only way to learn whether the controller can is to try. */
	if (enable_irq_wake(b->irq)) {
		if (wanted)
			*message = ", the controller cannot wake the system";
		return 0;
	}
	disable_irq_wake(b->irq);
	if (wanted)
		*message = ", wakes the system";
	device_set_wakeup_capable(b->parent, true);
	ret = wanted ? device_wakeup_enable(b->parent) : 0;
	ret = ret ?: dev_pm_set_wake_irq(b->parent, b->irq);
	if (ret)
		return dev_err_probe(b->parent, ret, "cannot make a wake-up source\n");
	return 0;
}

static int button_irq_bind(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct button_irq_line **param = dev_get_platdata(dev);
	const char *pull = "", *pull_name = "", *wakeup;
	struct button_irq *b;
	int minor, ret;

	b = button_irq_alloc(dev);
	if (!b)
		return -ENOMEM;
	ret = devm_add_action_or_reset(dev, button_irq_put, b);
	if (ret)
		return ret;

	minor = button_irq_get_minor(dev_name(dev));
	if (minor < 0)
		return dev_err_probe(dev, minor, "no minor number is left\n");
	b->dev.devt = button_irq_devt + minor;
	ret = devm_add_action_or_reset(dev, button_irq_release_minor, b);
	if (ret)
		return ret;
	ret = minor ? dev_set_name(&b->dev, BUTTON_IRQ_NAME "%d", minor) :
		      dev_set_name(&b->dev, BUTTON_IRQ_NAME);
	if (ret)
		return ret;

	if (param) {
		button_irq_take_params(b, *param);
	} else {
		ret = button_irq_read_properties(b);
		if (ret)
			return ret;
	}
	ret = button_irq_get_line(b);
	if (ret)
		return ret;
	if (param) {
		pull = button_irq_set_pull(b, (*param)->pull);
		if (*pull)
			pull_name = (*param)->pull;
	}
	ret = button_irq_init_state(b);
	if (ret)
		return ret;

	ret = button_irq_request_irq(b);
	if (ret)
		return ret;
	ret = button_irq_init_wakeup(b, &wakeup);
	if (ret)
		goto stop;
	ret = cdev_device_add(&b->cdev, &b->dev);
	if (ret) {
		dev_err_probe(dev, ret, "cannot make the device node\n");
		goto stop;
	}
	WRITE_ONCE(b->state_node, sysfs_get_dirent(b->dev.kobj.sd, "state"));
	ret = devm_add_action_or_reset(dev, button_irq_unbind, b);
	if (ret)
		return ret;

	platform_set_drvdata(pdev, b);
	button_irq_unmask(b);
	/* The line may have moved since its level was read. */
	button_irq_request_sample(b);

	dev_info(dev, "/dev/%s: line %s, label %s, IRQ %d, debounce %u us %s%s%s%s\n",
		 dev_name(&b->dev), b->line, b->label, b->irq, READ_ONCE(b->debounce_us),
		 button_irq_modes[READ_ONCE(b->debounce_mode)], wakeup, pull, pull_name);
	return 0;

stop:
	/* Parts of it were there, and may have been used. */
	button_irq_stop(b);
	button_irq_end(b);
	return ret;
}

static int button_irq_probe(struct platform_device *pdev)
{
	struct button_irq_line **param = dev_get_platdata(&pdev->dev);
	int ret = button_irq_bind(pdev);

	if (!param)
		return ret;
	/* insmod wants to know, and has said why; of ENODEV the driver core says nothing. */
	(*param)->error = ret;
	return ret ? -ENODEV : 0;
}

static int button_irq_suspend(struct device *dev)
{
	struct button_irq *b = dev_get_drvdata(dev);

	/* An edge that wakes the system is replayed at resume. */
	if (device_may_wakeup(dev)) {
		b->sleep_level = BUTTON_IRQ_NO_LEVEL;
		/* Pairs with the acquire in button_irq_replayed_in_hardirq(). */
		smp_store_release(&b->sleep, BUTTON_IRQ_ASLEEP);
	}
	return 0;
}

static int button_irq_resume(struct device *dev)
{
	struct button_irq *b = dev_get_drvdata(dev);

	/* The replay may have been already; if not, the next real edge rules it out. */
	cmpxchg(&b->sleep, BUTTON_IRQ_ASLEEP, BUTTON_IRQ_RESUMED);
	button_irq_request_sample(b);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(button_irq_pm_ops, button_irq_suspend, button_irq_resume);

static const struct of_device_id button_irq_of_match[] = {
	{ .compatible = "button-irq" },
	{ }
};
MODULE_DEVICE_TABLE(of, button_irq_of_match);

static struct platform_driver button_irq_driver = {
	.probe = button_irq_probe,
	.driver = {
		.name = BUTTON_IRQ_NAME,
		.of_match_table = button_irq_of_match,
		.pm = pm_sleep_ptr(&button_irq_pm_ops),
		/* So that insmod can tell what became of the lines it was given. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

/* --- Module parameters: lines without a device tree ----------------------------------- */

/*
 * Texts rather than numbers, so that an error can quote them. An element that is missing
 * or empty means the default; one element alone counts for every line.
 */
struct button_irq_list {
	unsigned int n;
	char *value[BUTTON_IRQ_LINES];
};

#define BUTTON_IRQ_LIST(name)								\
static struct button_irq_list button_irq_list_##name;					\
module_param_array_named(name, button_irq_list_##name.value, charp,			\
			 &button_irq_list_##name.n, 0444)

BUTTON_IRQ_LIST(gpio);
MODULE_PARM_DESC(gpio, "Lines by their number on a Raspberry Pi's header");
BUTTON_IRQ_LIST(line);
MODULE_PARM_DESC(line, "Lines by name, or as CHIPLABEL:OFFSET");
BUTTON_IRQ_LIST(active_low);
MODULE_PARM_DESC(active_low, "1: pressed is low (default), 0: pressed is high");
BUTTON_IRQ_LIST(pull);
MODULE_PARM_DESC(pull, "Bias: up (default), down, off, as-is");
BUTTON_IRQ_LIST(debounce_us);
MODULE_PARM_DESC(debounce_us, "Debounce time in microseconds, 0 to 1000000 (default 10000)");
BUTTON_IRQ_LIST(debounce_mode);
MODULE_PARM_DESC(debounce_mode, "eager (default) or settle");
BUTTON_IRQ_LIST(storm_rate);
MODULE_PARM_DESC(storm_rate,
		 "Edges per second beyond which the line is masked, 0 to 1000000 (default 2000, 0: never)");
BUTTON_IRQ_LIST(label);
MODULE_PARM_DESC(label, "What to call the button (default: the name of its device node)");

static struct button_irq_line button_irq_lines[BUTTON_IRQ_LINES];
static unsigned int button_irq_n_lines;

/* What the header's controller is called: BCM2835 to BCM2837, BCM2711, RP1. */
static const char * const button_irq_header_chips[] = {
	"pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1",
};

static int __init button_irq_bad(const char *param, const char *text, const char *why)
{
	pr_err("%s=%s: %s\n", param, text, why);
	return -EINVAL;
}

/* "" where the parameter is missing, or left blank. */
static const char * __init button_irq_value(const struct button_irq_list *list, unsigned int i)
{
	if (list->n == 1)
		return list->value[0];
	return i < list->n ? list->value[i] : "";
}

/* Keeps the default in *@value when the parameter is missing. */
static int __init button_irq_number(const char *param, const struct button_irq_list *list,
				    unsigned int i, u32 max, u32 *value)
{
	const char *text = button_irq_value(list, i);
	u32 number;

	if (!*text)
		return 0;
	if (kstrtou32(text, 10, &number) || number > max) {
		pr_err("%s=%s: not a number from 0 to %u\n", param, text, max);
		return -EINVAL;
	}
	*value = number;
	return 0;
}

static int __init button_irq_parse_line(unsigned int i, struct button_irq_line *line)
{
	const char *text;
	unsigned int k;
	int ret, mode;

	line->active_low = 1;
	ret = button_irq_number("active_low", &button_irq_list_active_low, i, 1, &line->active_low);
	if (ret)
		return ret;

	line->debounce_us = BUTTON_IRQ_DEBOUNCE_US;
	ret = button_irq_number("debounce_us", &button_irq_list_debounce_us, i,
				BUTTON_IRQ_DEBOUNCE_US_MAX, &line->debounce_us);
	if (ret)
		return ret;

	line->storm_rate = BUTTON_IRQ_STORM_RATE;
	ret = button_irq_number("storm_rate", &button_irq_list_storm_rate, i,
				BUTTON_IRQ_STORM_RATE_MAX, &line->storm_rate);
	if (ret)
		return ret;

	text = button_irq_value(&button_irq_list_debounce_mode, i);
	mode = match_string(button_irq_modes, ARRAY_SIZE(button_irq_modes),
			    *text ? text : button_irq_modes[BUTTON_IRQ_MODE_EAGER]);
	if (mode < 0)
		return button_irq_bad("debounce_mode", text, "neither eager nor settle");
	line->debounce_mode = mode;

	text = button_irq_value(&button_irq_list_pull, i);
	line->pull = *text ? text : button_irq_pulls[0].name;
	for (k = 0; strcmp(line->pull, button_irq_pulls[k].name);)
		if (++k == ARRAY_SIZE(button_irq_pulls))
			return button_irq_bad("pull", text, "none of up, down, off, as-is");

	line->label = button_irq_value(&button_irq_list_label, i);
	if (*line->label && !button_irq_label_valid(line->label))
		return button_irq_bad("label", line->label,
				      "not 1 to 31 printable characters without /");
	return 0;
}

static int __init button_irq_parse_lines(const char *param, const struct button_irq_list *list)
{
	unsigned int i;
	int ret;

	for (i = 0; i < list->n; i++) {
		struct button_irq_line *line = &button_irq_lines[button_irq_n_lines];

		if (!*list->value[i])
			return button_irq_bad(param, list->value[i], "a line is missing");
		if (button_irq_n_lines == BUTTON_IRQ_LINES)
			return button_irq_bad(param, list->value[i], "over 32 lines");
		line->param = param;
		line->text = list->value[i];
		ret = button_irq_parse_line(button_irq_n_lines, line);
		if (ret)
			return ret;
		button_irq_n_lines++;
	}
	return 0;
}

/* Everything that can be known to be wrong before anything is done. */
static int __init button_irq_parse(void)
{
	static const struct {
		const char *param;
		const struct button_irq_list *list;
	} lists[] = {
		{ "active_low", &button_irq_list_active_low },
		{ "pull", &button_irq_list_pull },
		{ "debounce_us", &button_irq_list_debounce_us },
		{ "debounce_mode", &button_irq_list_debounce_mode },
		{ "storm_rate", &button_irq_list_storm_rate },
		{ "label", &button_irq_list_label },
	};
	unsigned int i;
	int ret;

	if (!is_power_of_2(button_irq_ring_events) || button_irq_ring_events < 16 ||
	    button_irq_ring_events > 65536) {
		pr_err("ring_events=%u: not a power of two from 16 to 65536\n",
		       button_irq_ring_events);
		return -EINVAL;
	}

	ret = button_irq_parse_lines("gpio", &button_irq_list_gpio);
	if (ret)
		return ret;
	ret = button_irq_parse_lines("line", &button_irq_list_line);
	if (ret)
		return ret;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].list->n > button_irq_n_lines)
			return button_irq_bad(lists[i].param,
					      lists[i].list->value[button_irq_n_lines],
					      "more values than lines");
	return 0;
}

/* Where is the line, and is it there by its name? */
static int __init button_irq_resolve(struct button_irq_line *line, bool *by_name)
{
	char label[sizeof(line->chip)];
	struct button_irq_chip chip;
	unsigned int i, offset;
	const char *colon;

	*by_name = false;
	if (!strcmp(line->param, "gpio")) {
		if (kstrtouint(line->text, 10, &offset) || offset >= U16_MAX)
			return button_irq_bad("gpio", line->text, "not the number of a line");
		for (i = 0; i < ARRAY_SIZE(button_irq_header_chips); i++)
			if (button_irq_find_label(button_irq_header_chips[i], offset, &chip))
				goto found;
		return button_irq_line_error(line, -ENODEV);
	}

	if (button_irq_find_name(line->text, &chip)) {
		*by_name = true;
		offset = chip.offset;
		goto found;
	}
	colon = strrchr(line->text, ':');
	if (!colon || colon - line->text >= sizeof(label) ||
	    kstrtouint(colon + 1, 10, &offset) || offset >= U16_MAX)
		return button_irq_line_error(line, -ENODEV);
	strscpy(label, line->text, colon - line->text + 1);
	if (!button_irq_find_label(label, offset, &chip))
		return button_irq_line_error(line, -ENODEV);
found:
	strscpy(line->chip, chip.found, sizeof(line->chip));
	line->offset = offset;
	return 0;
}

static void button_irq_remove_line(struct button_irq_line *line)
{
	platform_device_unregister(line->pdev);
	if (line->table) {
		gpiod_remove_lookup_table(line->table);
		kfree(line->table);
	}
}

static int __init button_irq_add_line(struct button_irq_line *line, unsigned int id)
{
	struct platform_device_info info = {
		.name = BUTTON_IRQ_NAME,
		.id = id,
		.data = &line,
		.size_data = sizeof(line),
	};
	bool by_name;
	int ret;

	ret = button_irq_resolve(line, &by_name);
	if (ret)
		return ret;

	line->table = kzalloc(struct_size(line->table, table, 2), GFP_KERNEL);
	if (!line->table)
		return -ENOMEM;
	snprintf(line->dev_name, sizeof(line->dev_name), BUTTON_IRQ_NAME ".%u", id);
	line->table->dev_id = line->dev_name;
	line->table->table[0] = (struct gpiod_lookup){
		.key = by_name ? line->text : line->chip,
		.chip_hwnum = by_name ? U16_MAX : line->offset,
		.flags = line->active_low ? GPIO_ACTIVE_LOW : GPIO_ACTIVE_HIGH,
	};
	gpiod_add_lookup_table(line->table);

	line->error = BUTTON_IRQ_NO_PROBE;
	line->pdev = platform_device_register_full(&info);
	if (IS_ERR(line->pdev)) {
		ret = PTR_ERR(line->pdev);
		line->pdev = NULL;
		pr_err("%s=%s: cannot make a device: error %d\n", line->param, line->text, ret);
		return ret;
	}
	/* A probe that failed has said why. */
	if (line->error == BUTTON_IRQ_NO_PROBE)
		return button_irq_line_error(line, -ENODEV);
	return line->error;
}

static void button_irq_remove_lines(void)
{
	while (button_irq_n_lines)
		button_irq_remove_line(&button_irq_lines[--button_irq_n_lines]);
}

static int __init button_irq_init(void)
{
	unsigned int i;
	int ret;

	ret = button_irq_parse();
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&button_irq_devt, 0, BUTTON_IRQ_BUTTONS, BUTTON_IRQ_NAME);
	if (ret)
		return ret;
	ret = class_register(&button_irq_class);
	if (ret)
		goto free_devt;
	ret = platform_driver_register(&button_irq_driver);
	if (ret)
		goto free_class;
	for (i = 0; i < button_irq_n_lines; i++) {
		ret = button_irq_add_line(&button_irq_lines[i], i);
		if (ret)
			goto remove_lines;
	}
	return 0;

remove_lines:
	button_irq_remove_lines();
	platform_driver_unregister(&button_irq_driver);
free_class:
	class_unregister(&button_irq_class);
	button_irq_forget_minors();
free_devt:
	unregister_chrdev_region(button_irq_devt, BUTTON_IRQ_BUTTONS);
	return ret;
}
module_init(button_irq_init);

static void __exit button_irq_exit(void)
{
	button_irq_remove_lines();
	platform_driver_unregister(&button_irq_driver);
	class_unregister(&button_irq_class);
	button_irq_forget_minors();
	unregister_chrdev_region(button_irq_devt, BUTTON_IRQ_BUTTONS);
}
module_exit(button_irq_exit);

MODULE_DESCRIPTION("Push buttons on GPIO lines as events that no script loses");
MODULE_AUTHOR("The button_irq developers");
MODULE_LICENSE("GPL");
