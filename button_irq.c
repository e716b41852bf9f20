// SPDX-License-Identifier: GPL-2.0-only
/*
 * Push buttons on GPIO lines as events that no script loses
 *
 * The path of an edge:
 *
 *	top half	hard IRQ: reads clock and level, queues the edge, wakes the thread
 *	thread		pops edges, feeds the debouncer (button_irq_debounce.h), writes events
 *	ring		numbered events; one writer, overwrites the oldest
 *	reader		an open file: a cursor into the ring
 *
 * Each stage has one owner and passes data on in one direction. struct button_irq groups its
 * fields by owner: hw, top, thread, set and out. Contexts share only these:
 *
 *	queue		top half -> thread: lock-free, acquire/release on head and tail
 *	requests	any context -> thread: atomic bit operations
 *	quiet		thread -> top half: a full barrier on either side
 *	top.mode	unmasking, suspend, resume -> top half: release/acquire
 *	out.ring	thread -> readers: a seqcount, so the writer never waits
 *	out.gone	unbinding -> readers: release/acquire
 *	state_read	thread <-> pollers of "state": a full barrier on either side
 *	top.busy	handler of a nested interrupt -> unbinding: a single word
 *	set, counters	single words: READ_ONCE() and WRITE_ONCE()
 *
 * Locks: button_irq_lock (minor numbers, loading) is taken before thread.lock (one button's
 * thread). The top half takes neither, and reading the ring takes none.
 *
 * Barriers have labels, such as Q1. doc/how-it-works.md has a table of what each pair forbids.
 *
 * A limit that no driver can lift: a controller keeps one status bit per line, and genirq one
 * pending bit while a handler runs. An edge that comes while such a bit is set is merged with
 * the edge that set the bit. Every interrupt that is delivered is accounted for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/hrtimer.h>
#include <linux/input.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/pm_wakeup.h>
#include <linux/poll.h>
#include <linux/property.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "button_irq.h"
#include "button_irq_compat.h"
#include "button_irq_debounce.h"
#include "button_irq_label.h"

#define CREATE_TRACE_POINTS
#include "button_irq_trace.h"

/* --- Settings -------------------------------------------------------------------------- */

#define BUTTON_IRQ_NAME			"button_irq"
#define BUTTON_IRQ_BUTTONS		256	/* minor numbers */
#define BUTTON_IRQ_QUEUE		1024	/* edges between top half and thread */
#define BUTTON_IRQ_BATCH		64	/* edges the thread feeds in one go */
#define BUTTON_IRQ_RECORDS		8	/* events a reader copies in one go */
#define BUTTON_IRQ_CLOCKS		4	/* clock offsets that edges in the queue may have */
#define BUTTON_IRQ_EPOCHS		16	/* clock offsets that events in the ring may have */
#define BUTTON_IRQ_DEBOUNCE_US		10000
#define BUTTON_IRQ_DEBOUNCE_US_MAX	1000000
#define BUTTON_IRQ_STORM_RATE		2000	/* edges per second, above any button's */
#define BUTTON_IRQ_STORM_RATE_MAX	1000000
#define BUTTON_IRQ_STORM_BURST		1024	/* edges that may exceed the rate */
/*
 * How long a storm masks the line. A change of a masked line is known within 10 ms: the line is
 * sampled at the end of this time, and again BUTTON_IRQ_CONFIRM_NS later.
 */
#define BUTTON_IRQ_STORM_MASK_NS	(8 * NSEC_PER_MSEC)
/* An interrupt this soon after unmasking is taken as latched while the line was masked. */
#define BUTTON_IRQ_REPLAY_NS		NSEC_PER_MSEC
/* How late genirq's tasklet, or a nested interrupt after resume, may be; when to retry a sample. */
#define BUTTON_IRQ_LATE_NS		(100 * NSEC_PER_MSEC)
/* How long a capacitor may hold a line at the pressed level after the pull was set. */
#define BUTTON_IRQ_RISE_MS		50
#define BUTTON_IRQ_LOCK_MS		1000	/* how long to try for the controller's lock */
#define BUTTON_IRQ_NO_CODE		U32_MAX	/* no input device; a switch may have code 0 */
#define BUTTON_IRQ_TEXT			96	/* bytes; no line of text is longer */
#define BUTTON_IRQ_LINE			sizeof_field(struct button_irq_info, line)

static const char * const button_irq_modes[] = {
	[BUTTON_IRQ_MODE_EAGER] = "eager",
	[BUTTON_IRQ_MODE_SETTLE] = "settle",
};

static bool button_irq_read_level = true;
module_param_named(read_level, button_irq_read_level, bool, 0444);
MODULE_PARM_DESC(read_level,
		 "Read the line's level in hard IRQ where the chip allows it (default 1)");

static unsigned int button_irq_ring_events = 1024;
module_param_named(ring_events, button_irq_ring_events, uint, 0444);
MODULE_PARM_DESC(ring_events,
		 "Events kept for readers, a power of two from 16 to 65536 (default 1024)");

static unsigned int button_irq_max_readers = 4096;
module_param_named(max_readers, button_irq_max_readers, uint, 0444);
MODULE_PARM_DESC(max_readers,
		 "Open files per button, 1 to 65536; each costs every event some time (default 4096)");

/* --- Types, by owner ------------------------------------------------------------------- */

/* Offsets of the other clocks from CLOCK_MONOTONIC. */
struct button_irq_offsets {
	u64 boottime;		/* suspend changes it */
	u64 realtime;		/* setting the clock changes it */
};

/* One interrupt, as the top half recorded it. */
struct button_irq_edge {
	u64 time;		/* CLOCK_MONOTONIC in nanoseconds */
	u32 dropped;		/* edges dropped since the start, before this edge */
	s8 level;		/* enum button_irq_level, or BUTTON_IRQ_LEVEL_WAKE */
	u8 clock;		/* index of struct button_irq_queue.offsets */
};

/* Single-producer, single-consumer queue of edges. */
struct button_irq_queue {
	struct button_irq_edge *edge;	/* BUTTON_IRQ_QUEUE edges */
	struct button_irq_offsets offsets[BUTTON_IRQ_CLOCKS];	/* the newest ones */
	u8 clock;			/* index of the newest offsets; written by the top half */
	unsigned int head;		/* edges pushed; written by the top half */
	u32 dropped;			/* edges not queued; written by the top half */
	unsigned int tail ____cacheline_aligned; /* edges popped; written by the thread */
};

/* How the handler treats an interrupt, struct button_irq.top.mode. */
enum {
	BUTTON_IRQ_EDGES,	/* an edge */
	BUTTON_IRQ_STARTED,	/* the controller may have latched the first interrupt earlier */
	BUTTON_IRQ_UNMASKING,	/* latched while masked: its time is meaningless */
	BUTTON_IRQ_UNMASKED,	/* the first two interrupts may have been latched while masked */
	BUTTON_IRQ_UNMASKED_ONE,	/* the first of them has come */
	BUTTON_IRQ_ASLEEP,	/* the first interrupt may have woken the system */
	BUTTON_IRQ_RESUMED,	/* likewise, but a hard interrupt is an edge */
};

#define BUTTON_IRQ_LEVEL_WAKE	2	/* struct button_irq_edge.level: the line woke the system */

/* Requests to the thread, struct button_irq.requests. */
enum {
	BUTTON_IRQ_REQ_TIMER,	/* a deadline has come */
	BUTTON_IRQ_REQ_SAMPLE,	/* sample the line */
	BUTTON_IRQ_REQ_REPLAY,	/* sample the line, which may have moved without an edge */
	BUTTON_IRQ_REQ_STORM,	/* edges come too fast; mask the line if it is not masked yet */
};

/*
 * Events, one writer, any number of readers. A reader computes an event's number from its index,
 * and its time on another clock from the offsets that were valid at that time. The ring keeps a
 * history of offsets, because the offsets may change before the event is read. The queue has a
 * history of its own, because only the thread writes to the ring: each edge refers to offsets in
 * the queue, and the thread adds them to the ring's history.
 */
struct button_irq_ring {
	struct button_irq_report *report;	/* @size events */
	unsigned int size;		/* a power of two */
	seqcount_t seqcount;		/* odd while the writer changes an event or an epoch */
	u64 head;			/* events written. Event n overwrites event n - @size. */
	u8 epochs;			/* index of the newest epoch */
	struct button_irq_epoch {
		u64 since;		/* CLOCK_MONOTONIC */
		struct button_irq_offsets offsets;
	} epoch[BUTTON_IRQ_EPOCHS];
};

/* Settings of a button, from the device tree or from module parameters. */
struct button_irq_config {
	const char *label;		/* NULL for the default */
	u32 debounce_us;
	u32 debounce_mode;		/* BUTTON_IRQ_MODE_* */
	u32 storm_rate;			/* edges per second, 0: no guard */
	u32 type;			/* EV_KEY or EV_SW */
	u32 code;			/* code of the input event, or BUTTON_IRQ_NO_CODE */
	bool repeat;			/* the input device repeats a held key */
	bool wakeup;			/* the button wakes the system */
	const char *note;		/* ends the log line of the live button; or NULL */
};

static const struct button_irq_config button_irq_defaults = {
	.debounce_us = BUTTON_IRQ_DEBOUNCE_US,
	.debounce_mode = BUTTON_IRQ_MODE_EAGER,
	.storm_rate = BUTTON_IRQ_STORM_RATE,
	.type = EV_KEY,
	.code = BUTTON_IRQ_NO_CODE,
};

/* One button. Freed when the button is unbound and its last open file is closed. */
struct button_irq {
	struct device dev;	/* the class device; its parent is the platform device */

	/* Constant while the button is bound */
	struct {
		struct gpio_desc *gpiod;
		int irq;
		bool nested;		/* the chip's thread runs the handler; no top half */
		bool mask_sleeps;	/* masking takes a bus lock: not in the top half */
		bool read_level;	/* the level can be read in hard IRQ */
		struct input_dev *input;	/* or NULL */
		char label[BUTTON_IRQ_LABEL];
		char link[BUTTON_IRQ_LABEL];	/* in /dev/button */
		char line[BUTTON_IRQ_LINE];	/* CHIPLABEL:OFFSET */
	} hw;

	/* Owned by the top half, or by the threaded handler of a nested interrupt */
	struct {
		u64 paid_until;		/* storm guard: each edge advances this by @cost_ns */
		u32 rate;		/* the storm_rate in use */
		u32 cost_ns;		/* 1 s / @rate */
		int mode;		/* also written by unmasking, suspend and resume */
		bool busy;		/* the threaded handler of a nested interrupt runs */
		u64 replay_until;	/* written before each @mode that needs it */
	} top;

	struct button_irq_queue queue;	/* top half to thread */
	unsigned long requests;		/* BUTTON_IRQ_REQ_*, any context to thread */
	bool quiet;	/* thread to top half: no edge can make an event before the timer fires */

	/* Owned by the thread */
	struct {
		/*
		 * Serialises the threaded handler, @work, settings, suspend, resume and unbinding.
		 * Must not be held across a wait for an interrupt handler: the handler of a nested
		 * interrupt takes this lock.
		 */
		struct mutex lock;
		struct button_irq_debounce debounce;
		struct button_irq_report report[BUTTON_IRQ_REPORTS];	/* of @debounce */
		unsigned long todo;	/* requests taken from @requests, not yet carried out */
		u8 clock;		/* struct button_irq_edge.clock of the last edge */
		u32 dropped;		/* how many of @queue.dropped were reported */
		unsigned long storms;	/* times the line was masked */
		bool suspended;		/* or not live yet: must not touch the chip */
		bool armed;		/* suspend has armed the line to wake the system */
		bool unsent;		/* events were written since the last wake-up */
		bool state_notified;	/* the last state that pollers were notified of */
		int state_read;		/* "state" was read since the last notification */
		struct kernfs_node *state_node;
		u64 unmask_time;	/* end of masking, or BUTTON_IRQ_NO_DEADLINE */
		u64 resample_time;	/* when to sample after edges of unknown level */
		struct hrtimer timer;	/* wakes the thread at the next deadline */
		struct work_struct work;	/* serves requests if nested: no thread to wake */
	} thread;

	/* Settings; sysfs writes debounce_us, debounce_mode and storm_rate */
	struct button_irq_config set;

	/* Shared with readers */
	struct {
		struct button_irq_ring ring;
		wait_queue_head_t wait;
		struct fasync_struct *async;
		atomic_t readers;	/* open files */
		bool gone;		/* unbound; no further event will come */
	} out;
};

/* One open file. */
struct button_irq_reader {
	struct button_irq *button;
	struct mutex lock;	/* between processes that share the file; not held while waiting */
	unsigned long cursor;	/* index of the next event, its low word on 32-bit kernels */
	u32 format;		/* BUTTON_IRQ_FORMAT_* */
	u32 clock;		/* CLOCK_* of the time stamps */
	unsigned int left;	/* bytes still to read, at the end of @text */
	char text[BUTTON_IRQ_TEXT];
};

/* --- Queue: top half to thread --------------------------------------------------------- */

static struct button_irq_offsets button_irq_read_offsets(void)
{
	return (struct button_irq_offsets){
		.boottime = ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_BOOT)),
		.realtime = ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_REAL)),
	};
}

static void button_irq_queue_drop(struct button_irq_queue *q)
{
	/*
	 * The drop is reported with the next edge, or when the queue is empty.
	 * D1, pairs with D2 in button_irq_drain(): a thread that observes the count also observes
	 * all edges before. Otherwise it could report the drop ahead of edges that came before it.
	 */
	smp_store_release(&q->dropped, q->dropped + 1);
}

static void button_irq_queue_push(struct button_irq_queue *q, u64 time,
				  enum button_irq_level level)
{
	/* Q4, pairs with Q3 in button_irq_queue_pop(): the thread has copied what it popped. */
	unsigned int head = q->head, tail = smp_load_acquire(&q->tail);

	if (head - tail == BUTTON_IRQ_QUEUE) {
		button_irq_queue_drop(q);
		return;
	}
	/*
	 * Setting the clock changes the offset of CLOCK_REALTIME, and suspend changes both offsets:
	 * comparing CLOCK_REALTIME's is enough. Do not overwrite offsets of a queued edge: if no
	 * place is left, because the clock is set often, this edge refers to the last ones stored.
	 */
	if (unlikely(q->offsets[q->clock % BUTTON_IRQ_CLOCKS].realtime !=
		     ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_REAL))) &&
	    (head == tail ||
	     (u8)(q->clock - q->edge[tail % BUTTON_IRQ_QUEUE].clock) < BUTTON_IRQ_CLOCKS - 1))
		q->offsets[++q->clock % BUTTON_IRQ_CLOCKS] = button_irq_read_offsets();
	q->edge[head % BUTTON_IRQ_QUEUE] = (struct button_irq_edge){
		.time = time, .dropped = q->dropped, .level = level, .clock = q->clock,
	};
	/*
	 * Q1, pairs with Q2 in button_irq_queue_pop(): a thread that observes the new head
	 * also observes the edge.
	 */
	smp_store_release(&q->head, head + 1);
}

static bool button_irq_queue_pop(struct button_irq_queue *q, struct button_irq_edge *edge,
				 struct button_irq_offsets *offsets)
{
	unsigned int tail = q->tail;

	/* Q2, pairs with Q1 in button_irq_queue_push(). */
	if (tail == smp_load_acquire(&q->head))
		return false;
	*edge = q->edge[tail % BUTTON_IRQ_QUEUE];
	*offsets = q->offsets[edge->clock % BUTTON_IRQ_CLOCKS];
	/* Q3, pairs with Q4 in button_irq_queue_push(): slot and offsets may be overwritten now. */
	smp_store_release(&q->tail, tail + 1);
	return true;
}

/*
 * Returns whether no edge waits. A caller that just sampled the line asks whether an edge came
 * meanwhile. No barrier: reading the line implies one, in readl() or a lock.
 */
static bool button_irq_queue_is_empty(const struct button_irq_queue *q)
{
	return q->tail == READ_ONCE(q->head);
}

/* --- Top half -------------------------------------------------------------------------- */

/*
 * Returns whether this edge exceeds storm_rate. A token bucket counted in time: each edge costs
 * 1 s / storm_rate, and a burst may run up a debt of BUTTON_IRQ_STORM_BURST edges. Masking does
 * not cancel the debt: a line that never rests delivers storm_rate edges per second on average.
 */
static bool button_irq_is_storm(struct button_irq *b, u64 now)
{
	u32 rate = READ_ONCE(b->set.storm_rate);

	if (!rate)
		return false;
	if (b->top.rate != rate) {
		b->top.rate = rate;
		b->top.cost_ns = (u32)NSEC_PER_SEC / rate;
		b->top.paid_until = now;
	}
	b->top.paid_until = max(b->top.paid_until, now);
	if (b->top.paid_until - now >= (u64)b->top.cost_ns * BUTTON_IRQ_STORM_BURST)
		return true;
	b->top.paid_until += b->top.cost_ns;
	return false;
}

/* Tracing is not inline: it would cost its callers registers even while nobody traces. */
static noinline void button_irq_trace_edge(const struct button_irq *b, u64 now,
					   enum button_irq_level level)
{
	trace_button_irq_edge(MINOR(b->dev.devt), now, level);
}

/*
 * Record an edge. Returns whether the thread must be woken: within a debounce window an edge
 * cannot make an event, so bounces wait in the queue for the timer. The thread is woken at each
 * BUTTON_IRQ_BATCHth edge all the same, so that the queue does not fill.
 */
static bool button_irq_record(struct button_irq *b, u64 now, enum button_irq_level level)
{
	if (unlikely(button_irq_is_storm(b, now))) {
		/* The thread sets the time to unmask and, where masking sleeps, masks the line. */
		if (!b->hw.mask_sleeps)
			disable_irq_nosync(b->hw.irq);
		button_irq_queue_drop(&b->queue);
		set_bit(BUTTON_IRQ_REQ_STORM, &b->requests);
		return true;
	}
	if (trace_button_irq_edge_enabled())
		button_irq_trace_edge(b, now, level);
	button_irq_queue_push(&b->queue, now, level);
	/*
	 * S1, pairs with S2 in button_irq_process() and button_irq_suspend(). Either the load below
	 * observes that @quiet was cleared, or who cleared it observes the edge pushed above.
	 * Without the pair both may miss, and the edge could wait in the queue with no timer set.
	 */
	smp_mb();
	return !READ_ONCE(b->quiet) || b->queue.head % BUTTON_IRQ_BATCH == 0;
}

/*
 * Returns whether this interrupt is a replay: latched while the line was masked or the system
 * slept, so its time is not the time of an edge. genirq replays its own latch, usually from a
 * tasklet that runs some time after enable_irq(); a controller delivers its latch as soon as the
 * line is unmasked. Each happens at most once, in any order, so the mode returns to
 * BUTTON_IRQ_EDGES at the second interrupt after unmasking.
 *
 * The first interrupt in mode BUTTON_IRQ_ASLEEP, or a late one in _RESUMED, is taken for the
 * wake-up, which goes into the queue behind the edges from before the sleep. If it is an edge after
 * all, nothing is lost: the event has its time, and the line is sampled. The next one is an edge.
 */
static bool button_irq_is_replay(struct button_irq *b, u64 now)
{
	/* M2, pairs with M1 in button_irq_expect_latched() and button_irq_resume(). */
	int mode = smp_load_acquire(&b->top.mode);
	bool late, tasklet;

	if (likely(mode == BUTTON_IRQ_EDGES))
		return false;
	if (mode == BUTTON_IRQ_UNMASKING)
		return true;
	/* Not a hard interrupt on top of a softirq. A controller may deliver in a softirq, too. */
	tasklet = in_serving_softirq() && !in_hardirq();
	late = mode == BUTTON_IRQ_ASLEEP ||
	       ((mode != BUTTON_IRQ_RESUMED || tasklet || b->hw.nested) &&
		now < b->top.replay_until +
		      (tasklet && mode != BUTTON_IRQ_STARTED ? BUTTON_IRQ_LATE_NS : 0));
	/* Keep a mode that another context has written meanwhile. */
	cmpxchg(&b->top.mode, mode,
		mode == BUTTON_IRQ_UNMASKED ? BUTTON_IRQ_UNMASKED_ONE : BUTTON_IRQ_EDGES);
	if (late && (mode == BUTTON_IRQ_ASLEEP || mode == BUTTON_IRQ_RESUMED))
		button_irq_queue_push(&b->queue, now, BUTTON_IRQ_LEVEL_WAKE);
	return late;
}

/*
 * Runs in hard IRQ, on PREEMPT_RT too (IRQF_NO_THREAD), except on controllers that deliver
 * from a thread. Must not take a sleeping lock, so it leaves waking readers to the thread. genirq
 * never runs two handlers of one line at once, so the top half is the queue's single producer.
 */
static irqreturn_t button_irq_top_half(int irq, void *data)
{
	struct button_irq *b = data;
	u64 now = ktime_get_ns();
	enum button_irq_level level = BUTTON_IRQ_LEVEL_UNKNOWN;

	if (b->hw.read_level) {
		int value = gpiod_get_value(b->hw.gpiod);

		if (likely(value >= 0))
			level = value;
	}
	if (unlikely(button_irq_is_replay(b, now)))
		set_bit(BUTTON_IRQ_REQ_REPLAY, &b->requests);
	else if (!button_irq_record(b, now, level))
		return IRQ_HANDLED;
	/*
	 * After IRQ_WAKE_THREAD genirq expects the thread to confirm that the interrupt was
	 * handled, and disables the line after 100,000 unconfirmed interrupts. A thread that has
	 * edges to catch up with confirms too few: wake it here, at a slightly higher cost.
	 */
	if (b->queue.head - READ_ONCE(b->queue.tail) > 1) {
		irq_wake_thread(irq, b);
		return IRQ_HANDLED;
	}
	return IRQ_WAKE_THREAD;
}

/* --- Ring: thread to readers ----------------------------------------------------------- */

static void button_irq_ring_write(struct button_irq_ring *ring,
				  const struct button_irq_report *report)
{
	/*
	 * R1, pairs with R2 in button_irq_ring_read() and button_irq_ring_head(): a reader whose
	 * copy overlaps this write retries. A reader spins while the count is odd, so the writer
	 * must not be preempted.
	 */
	preempt_disable();
	write_seqcount_begin(&ring->seqcount);
	ring->report[ring->head & (ring->size - 1)] = *report;
	ring->head++;
	write_seqcount_end(&ring->seqcount);
	preempt_enable();
}

/* The index of the epoch of @time, or of the oldest epoch that is known. */
static u8 button_irq_ring_epoch(const struct button_irq_ring *ring, u64 time)
{
	u8 i = ring->epochs, oldest = i - (BUTTON_IRQ_EPOCHS - 1);

	while (i != oldest && time < ring->epoch[i % BUTTON_IRQ_EPOCHS].since)
		i--;
	return i;
}

/*
 * The clocks had @offsets at @time. While an edge waits in the queue, the thread may note the
 * clocks at a later time, of a sample: the edge's epoch is inserted before that one.
 */
static void button_irq_ring_note_clocks(struct button_irq_ring *ring, u64 time,
					struct button_irq_offsets offsets)
{
	u8 i, before = button_irq_ring_epoch(ring, time);
	const struct button_irq_offsets *last = &ring->epoch[before % BUTTON_IRQ_EPOCHS].offsets;

	if (likely(last->realtime == offsets.realtime && last->boottime == offsets.boottime))
		return;
	/* R1, as in button_irq_ring_write(). */
	preempt_disable();
	write_seqcount_begin(&ring->seqcount);
	for (i = ring->epochs++; i != before; i--)
		ring->epoch[(i + 1) % BUTTON_IRQ_EPOCHS] = ring->epoch[i % BUTTON_IRQ_EPOCHS];
	ring->epoch[(before + 1) % BUTTON_IRQ_EPOCHS] = (struct button_irq_epoch){
		.since = time, .offsets = offsets,
	};
	write_seqcount_end(&ring->seqcount);
	preempt_enable();
}

/* Returns @time on @clock, by the offsets at @time or the oldest that the ring keeps. */
static u64 button_irq_ring_time(const struct button_irq_ring *ring, u64 time, u32 clock)
{
	const struct button_irq_offsets *offsets;

	if (clock == CLOCK_MONOTONIC)
		return time;
	offsets = &ring->epoch[button_irq_ring_epoch(ring, time) % BUTTON_IRQ_EPOCHS].offsets;
	return time + (clock == CLOCK_BOOTTIME ? offsets->boottime : offsets->realtime);
}

/* Returns the index of the next event or, with @oldest, of the oldest event in the ring. */
static unsigned long button_irq_ring_head(const struct button_irq_ring *ring, bool oldest)
{
	unsigned int seq;
	u64 head;

	/* R2, pairs with R1 in button_irq_ring_write(). */
	do {
		seq = read_seqcount_begin(&ring->seqcount);
		head = ring->head;
	} while (read_seqcount_retry(&ring->seqcount, seq));
	return oldest ? head - min_t(u64, head, ring->size) : head;
}

/*
 * Copy events from *@cursor on, @max at most, or one LOST record for events that were
 * overwritten. Returns the number of records, and advances *@cursor past the copied or
 * overwritten events.
 */
static unsigned int button_irq_ring_read(const struct button_irq_ring *ring,
					 unsigned long *cursor, u32 clock,
					 struct button_irq_event *events, unsigned int max)
{
	const struct button_irq_report *report;
	unsigned long behind, lost;
	unsigned int seq, i, n;
	u64 index;

	/* R2, pairs with R1 in button_irq_ring_write(). */
	do {
		seq = read_seqcount_begin(&ring->seqcount);
		behind = (unsigned long)ring->head - *cursor;
		lost = behind > ring->size ? behind - ring->size : 0;
		/* A LOST record takes its time from the first event after the gap. */
		n = lost ? 1 : min_t(unsigned long, behind, max);
		index = ring->head - behind + lost;
		for (i = 0; i < n; i++, index++) {
			report = &ring->report[index & (ring->size - 1)];
			events[i] = (struct button_irq_event){
				.seq = index + 1,
				.timestamp_ns = button_irq_ring_time(ring, report->time, clock),
				.held_ns = report->held,
				.type = report->type,
				.count = report->count,
			};
		}
	} while (read_seqcount_retry(&ring->seqcount, seq));

	if (lost) {
		events->seq -= lost;
		events->held_ns = 0;
		events->type = BUTTON_IRQ_LOST;
		events->count = min_t(unsigned long, lost, U32_MAX);
		n = events->count;
	}
	*cursor += n;
	return lost ? 1 : n;
}

/* --- Thread: edges to events ----------------------------------------------------------- */

/* Returns the time, and records the clocks' offsets for events with this time. */
static u64 button_irq_now(struct button_irq *b)
{
	struct button_irq_offsets offsets;
	u64 now;

	/* If the clock is set between the two reads, the offsets are not those at @now. */
	do {
		offsets = button_irq_read_offsets();
		now = ktime_get_ns();
	} while (button_irq_read_offsets().realtime != offsets.realtime);
	button_irq_ring_note_clocks(&b->out.ring, now, offsets);
	return now;
}

static void button_irq_report_key(struct button_irq *b, bool pressed, u64 time)
{
	if (!IS_REACHABLE(CONFIG_INPUT) || !b->hw.input)
		return;
	input_set_timestamp(b->hw.input, ns_to_ktime(time));
	input_event(b->hw.input, b->set.type, b->set.code, pressed);
	input_sync(b->hw.input);
}

static noinline void button_irq_trace_event(const struct button_irq *b,
					    const struct button_irq_report *r)
{
	trace_button_irq_event(MINOR(b->dev.devt), b->out.ring.head + 1, r);
}

/* Publish the first @n of @thread.report. */
static void button_irq_publish(struct button_irq *b, unsigned int n)
{
	const struct button_irq_report *r = b->thread.report;

	for (; n; n--, r++) {
		if (trace_button_irq_event_enabled())
			button_irq_trace_event(b, r);
		button_irq_ring_write(&b->out.ring, r);
		if (b->hw.input && r->type != BUTTON_IRQ_MISSED)
			button_irq_report_key(b, r->type == BUTTON_IRQ_PRESS, r->time);
		b->thread.unsent = true;
	}
}

/*
 * Wake pollers of "state". A poller must read "state" before poll() can block again. If nobody
 * has read "state" since the last notification, no poller waits: skip the notification, which
 * costs a work item.
 */
static void button_irq_notify_state(struct button_irq *b)
{
	if (b->thread.state_notified == b->thread.debounce.state)
		return;
	b->thread.state_notified = b->thread.debounce.state;
	/* N1, pairs with N2 in state_show(): a reader sees the new state, or is observed here. */
	if (!xchg(&b->thread.state_read, 0))
		return;
	/* NULL without CONFIG_SYSFS. */
	if (READ_ONCE(b->thread.state_node))
		sysfs_notify_dirent(b->thread.state_node);
}

/* Wake readers, once for all events written since the last wake-up. */
static void button_irq_wake_readers(struct button_irq *b)
{
	if (!b->thread.unsent)
		return;
	b->thread.unsent = false;
	/* Ends a suspend that has begun, if its initiator used /sys/power/wakeup_count. */
	if (device_may_wakeup(b->dev.parent))
		pm_wakeup_event(b->dev.parent, 0);
	wake_up_interruptible_poll(&b->out.wait, EPOLLIN | EPOLLRDNORM);
	if (READ_ONCE(b->out.async))
		kill_fasync(&b->out.async, SIGIO, POLL_IN);
	button_irq_notify_state(b);
}

/* Report the edges that were not queued since the last report; @total is since the start. */
static void button_irq_report_dropped(struct button_irq *b, u32 total, u64 time)
{
	button_irq_publish(b, button_irq_debounce_missed(&b->thread.debounce,
							 total - b->thread.dropped, time,
							 b->thread.report));
	b->thread.dropped = total;
	/* The last edge may be among the dropped ones, so its level proves nothing: sample. */
	b->thread.todo |= BIT(BUTTON_IRQ_REQ_SAMPLE);
}

/*
 * Feed queued edges to the debouncer, BUTTON_IRQ_BATCH at most. Returns whether the queue may
 * hold more.
 *
 * Where levels are unknown, the debouncer assumes that edges alternate, and the line is sampled
 * BUTTON_IRQ_CONFIRM_NS later, not at once: a sample takes time on a bus, and further edges may
 * be in flight.
 */
static bool button_irq_drain(struct button_irq *b)
{
	/* D2, pairs with D1 in button_irq_queue_push(): earlier edges are popped below. */
	u32 dropped = smp_load_acquire(&b->queue.dropped);
	struct button_irq_debounce *d = &b->thread.debounce;
	struct button_irq_offsets offsets;
	struct button_irq_edge edge;
	unsigned int n;

	for (n = 0; n < BUTTON_IRQ_BATCH && button_irq_queue_pop(&b->queue, &edge, &offsets); n++) {
		if (unlikely(edge.clock != b->thread.clock)) {
			b->thread.clock = edge.clock;
			button_irq_ring_note_clocks(&b->out.ring, edge.time, offsets);
		}
		if (unlikely(edge.dropped != b->thread.dropped))
			button_irq_report_dropped(b, edge.dropped, edge.time);
		if (edge.level == BUTTON_IRQ_LEVEL_UNKNOWN)
			b->thread.resample_time = edge.time + BUTTON_IRQ_CONFIRM_NS;
		button_irq_publish(b, unlikely(edge.level == BUTTON_IRQ_LEVEL_WAKE) ?
				   button_irq_debounce_wake(d, edge.time, b->thread.report) :
				   button_irq_debounce_edge(d, edge.level, edge.time,
							    b->thread.report));
	}
	/* The queue is empty, so these edges were dropped after the last one that fitted. */
	if (n < BUTTON_IRQ_BATCH && dropped != b->thread.dropped)
		button_irq_report_dropped(b, dropped, button_irq_now(b));
	button_irq_wake_readers(b);
	return n == BUTTON_IRQ_BATCH;
}

static enum button_irq_level button_irq_sample(struct button_irq *b)
{
	int value = gpiod_get_value_cansleep(b->hw.gpiod);

	return value < 0 ? BUTTON_IRQ_LEVEL_UNKNOWN : value;
}

/* Returns when the next sample is due. A deadline of the debouncer replaces resample_time. */
static u64 button_irq_sample_time(struct button_irq *b)
{
	u64 time = button_irq_debounce_deadline(&b->thread.debounce);

	return time == BUTTON_IRQ_NO_DEADLINE ? b->thread.resample_time : time;
}

/* Set the timer to the next deadline. A stale timer is left: firing too early does no harm. */
static void button_irq_set_timer(struct button_irq *b)
{
	u64 time = min(button_irq_sample_time(b), b->thread.unmask_time);
	struct hrtimer *timer = &b->thread.timer;

	if (time == BUTTON_IRQ_NO_DEADLINE ||
	    (hrtimer_is_queued(timer) && hrtimer_get_expires(timer) == ns_to_ktime(time)))
		return;
	hrtimer_start(timer, ns_to_ktime(time), HRTIMER_MODE_ABS_HARD);
}

/* May be called in any context. After free_irq(), irq_wake_thread() finds no thread to wake. */
static void button_irq_wake_thread(struct button_irq *b)
{
	if (b->hw.nested)
		queue_work(system_highpri_wq, &b->thread.work);
	else
		irq_wake_thread(b->hw.irq, b);
}

/* Called in mode _EDGES or _UNMASKING, or with interrupts off: no handler reads replay_until. */
static void button_irq_expect_latched(struct button_irq *b, int mode)
{
	b->top.replay_until = ktime_get_ns() + BUTTON_IRQ_REPLAY_NS;
	/* M1, pairs with M2 in button_irq_is_replay(): replay_until is set. */
	smp_store_release(&b->top.mode, mode);
}

/*
 * Unmask the line. Unmasking delivers an interrupt that was latched while the line was
 * masked; its time is meaningless, so the handler treats it as a request to re-sample.
 * Called in process context, with @thread.lock held.
 */
static void button_irq_unmask(struct button_irq *b, int mode)
{
	/* enable_irq() takes the lock of the line's flow handler, so the handler sees this mode. */
	WRITE_ONCE(b->top.mode, BUTTON_IRQ_UNMASKING);
	enable_irq(b->hw.irq);
	button_irq_expect_latched(b, mode);
	b->thread.unmask_time = BUTTON_IRQ_NO_DEADLINE;
}

static void button_irq_mask(struct button_irq *b, u64 now)
{
	b->thread.todo &= ~BIT(BUTTON_IRQ_REQ_STORM);
	/* Already masked: where the thread masks, every edge until then repeats the request. */
	if (b->thread.unmask_time != BUTTON_IRQ_NO_DEADLINE)
		return;
	if (b->hw.mask_sleeps)
		disable_irq_nosync(b->hw.irq);
	WRITE_ONCE(b->thread.storms, b->thread.storms + 1);
	b->thread.unmask_time = now + BUTTON_IRQ_STORM_MASK_NS;
}

static void button_irq_configure(struct button_irq *b)
{
	button_irq_debounce_configure(&b->thread.debounce,
				      READ_ONCE(b->set.debounce_us) * (u64)NSEC_PER_USEC,
				      READ_ONCE(b->set.debounce_mode));
}

/*
 * Serve requests as far as must be done before edges are fed: unmask the line after a storm, and
 * tell the debouncer if the line may have moved without an edge. Returns the time.
 */
static u64 button_irq_begin_requests(struct button_irq *b)
{
	u64 now = ktime_get_ns();

	if (now >= b->thread.unmask_time) {
		button_irq_unmask(b, BUTTON_IRQ_UNMASKED);
		b->thread.todo |= BIT(BUTTON_IRQ_REQ_REPLAY);
	}
	if (b->thread.todo & BIT(BUTTON_IRQ_REQ_REPLAY))
		button_irq_debounce_unseen(&b->thread.debounce);
	return now;
}

/*
 * Turn edges into events, as the owner of debouncer, ring and timer. Called in process
 * context, with @thread.lock held.
 *
 * A sample is valid only if every earlier edge has been fed. So drain the queue, sample, and
 * run again if edges came meanwhile. Each call makes one pass and wakes the thread again rather
 * than loop: on a line that never rests a loop might not end, while suspend and unbinding
 * wait for the lock. Requests stay in @thread.todo until a pass completes.
 */
static void button_irq_process(struct button_irq *b)
{
	struct button_irq_debounce *d = &b->thread.debounce;
	enum button_irq_level level = BUTTON_IRQ_LEVEL_UNKNOWN;
	unsigned long todo;
	bool again, due;
	u64 now = 0;

	lockdep_assert_held(&b->thread.lock);
	if (b->out.gone)
		return;
	if (b->thread.suspended) {
		/* Leave work to resume. A change that is not an event yet is a wake-up event. */
		if (device_may_wakeup(b->dev.parent) &&
		    ((d->window_open && d->held_back) || d->unconfirmed ||
		     !button_irq_queue_is_empty(&b->queue)))
			pm_wakeup_event(b->dev.parent, 0);
		return;
	}

	WRITE_ONCE(b->quiet, false);
	/* S2, a full barrier, pairs with S1 in button_irq_record(): edges are popped below. */
	b->thread.todo |= xchg(&b->requests, 0);
	/* Settings and the timer make requests: without one, nothing is due. */
	if (b->thread.todo)
		now = button_irq_begin_requests(b);
	/* Before sampling, because a storm that goes on would discard each sample. */
	if (b->thread.todo & BIT(BUTTON_IRQ_REQ_STORM))
		button_irq_mask(b, now);
	again = button_irq_drain(b);
	todo = b->thread.todo;
	due = todo && !again &&
	      (todo != BIT(BUTTON_IRQ_REQ_TIMER) || now >= button_irq_sample_time(b));
	if (due) {
		/*
		 * Take the time after the sample, which may take long on a bus: a change that
		 * only the sample shows happened before this time. If no edge was queued
		 * meanwhile, the sample is still valid at this time.
		 */
		level = button_irq_sample(b);
		now = button_irq_now(b);
		again = !button_irq_queue_is_empty(&b->queue);
	}
	if (again) {
		button_irq_wake_thread(b);
		return;
	}

	b->thread.todo = 0;
	if (due) {
		button_irq_publish(b, button_irq_debounce_sample(d, level, now, b->thread.report));
		/* Repeat a sample until the chip can be read: its bus may be busy. */
		b->thread.resample_time = level == BUTTON_IRQ_LEVEL_UNKNOWN ?
					  now + BUTTON_IRQ_LATE_NS : BUTTON_IRQ_NO_DEADLINE;
	}
	button_irq_wake_readers(b);
	button_irq_set_timer(b);
	/* The timer, set above, ends @quiet. While a sample is unconfirmed, the window is over. */
	WRITE_ONCE(b->quiet, d->window_open && !d->unconfirmed);
}

static void button_irq_work(struct work_struct *work)
{
	struct button_irq *b = container_of(work, struct button_irq, thread.work);

	mutex_lock(&b->thread.lock);
	button_irq_process(b);
	mutex_unlock(&b->thread.lock);
}

/*
 * The threaded handler. Always returns IRQ_HANDLED: otherwise genirq would count the interrupt
 * as spurious and eventually disable the line.
 */
static irqreturn_t button_irq_thread(int irq, void *data)
{
	struct button_irq *b = data;

	/*
	 * genirq does not call the top half of a nested interrupt. The edge is queued before
	 * taking the lock, whose holder may be sampling over a slow bus: the holder then finds
	 * the edge in the queue and discards the sample.
	 */
	if (b->hw.nested) {
		WRITE_ONCE(b->top.busy, true);
		button_irq_top_half(irq, b);
	}
	button_irq_work(&b->thread.work);
	WRITE_ONCE(b->top.busy, false);
	return IRQ_HANDLED;
}

static void button_irq_request(struct button_irq *b, int request)
{
	set_bit(request, &b->requests);
	button_irq_wake_thread(b);
}

/* Runs in hard IRQ, on PREEMPT_RT too: only wakes the thread. */
static enum hrtimer_restart button_irq_timer(struct hrtimer *timer)
{
	struct button_irq *b = container_of(timer, struct button_irq, thread.timer);

	button_irq_request(b, BUTTON_IRQ_REQ_TIMER);
	return HRTIMER_NORESTART;
}

/* Called after free_irq(): turn queued edges into events, and end an open window. */
static void button_irq_finish(struct button_irq *b)
{
	struct button_irq_debounce *d = &b->thread.debounce;
	enum button_irq_level level = BUTTON_IRQ_LEVEL_UNKNOWN;
	u64 time, deadline;

	while (button_irq_drain(b))
		;
	if (!b->thread.suspended)
		level = button_irq_sample(b);
	time = button_irq_now(b);
	deadline = button_irq_debounce_deadline(d);
	if (deadline != BUTTON_IRQ_NO_DEADLINE)
		time = max(time, deadline);
	button_irq_publish(b, button_irq_debounce_sample(d, level, time, b->thread.report));
	button_irq_wake_readers(b);
}

/* --- Minor numbers --------------------------------------------------------------------- */

/*
 * One character device serves all buttons. button_irq_init() adds it last, when nothing else can
 * fail: a module whose init fails is freed even while one of its files is open.
 */
static dev_t button_irq_devt;
static struct cdev button_irq_cdev;

/* States of a button, in order; unbinding returns to BUTTON_IRQ_RESERVED, then _FREE. */
enum button_irq_state {
	BUTTON_IRQ_FREE,
	BUTTON_IRQ_RESERVED,	/* has a number and a label; is being created or shut down */
	BUTTON_IRQ_READY,	/* has its line, interrupt and memory */
	BUTTON_IRQ_LIVE,	/* receives interrupts */
};

/*
 * The button of each minor number. @name hashes the name of the device that has, or last had,
 * the number, so that a button that is bound again keeps its number. button_irq_lock also
 * orders loading: a button that becomes ready before @button_irq_loaded is set becomes live at
 * the end of button_irq_init(), any later one at the end of its probe.
 */
static DEFINE_MUTEX(button_irq_lock);
static bool button_irq_loaded;
static struct {
	struct button_irq *button;
	enum button_irq_state state;
	u32 name;
} button_irq_minors[BUTTON_IRQ_BUTTONS];

static void button_irq_set_state(struct button_irq *b, enum button_irq_state state)
{
	lockdep_assert_held(&button_irq_lock);
	button_irq_minors[MINOR(b->dev.devt)].state = state;
}

static struct button_irq *button_irq_get(unsigned int minor)
{
	struct button_irq *b = NULL;

	mutex_lock(&button_irq_lock);
	if (button_irq_minors[minor].state >= BUTTON_IRQ_READY) {
		b = button_irq_minors[minor].button;
		get_device(&b->dev);
	}
	mutex_unlock(&button_irq_lock);
	return b;
}

/* Returns the minor that @name had last, else the first never used, else the first free. */
static int button_irq_free_minor(u32 name)
{
	int i, minor = -ENOSPC;
	bool fresh = false;

	lockdep_assert_held(&button_irq_lock);
	for (i = BUTTON_IRQ_BUTTONS - 1; i >= 0; i--) {
		if (button_irq_minors[i].state != BUTTON_IRQ_FREE)
			continue;
		if (button_irq_minors[i].name == name)
			return i;
		if (!button_irq_minors[i].name || !fresh)
			minor = i;
		fresh |= !button_irq_minors[i].name;
	}
	return minor;
}

/* --- Reader ---------------------------------------------------------------------------- */

static bool button_irq_readable(struct button_irq_reader *r)
{
	return READ_ONCE(r->left) ||
	       READ_ONCE(r->cursor) != button_irq_ring_head(&r->button->out.ring, false);
}

/*
 * Each function writes its text backwards, ending before @p, and returns the start. Not
 * vsnprintf(), which takes several times as long, and every reader formats every event.
 */
#define button_irq_put(p, word)	memcpy((p) - (sizeof(word) - 1), word, sizeof(word) - 1)

/* Two digits per division; pads with zeros to at least @digits digits. */
static char *button_irq_put_digits(char *p, u32 n, unsigned int digits)
{
	char *end = p - digits;
	u32 pair;

	for (; n >= 10; n /= 100) {
		pair = n % 100;
		*--p = '0' + pair % 10;
		*--p = '0' + pair / 10;
	}
	if (n)
		*--p = '0' + n;
	while (p > end)
		*--p = '0';
	return p;
}

static char *button_irq_put_number(char *p, u64 n)
{
	u32 rest = n;

	if (n > U32_MAX) {
		n = div_u64_rem(n, NSEC_PER_SEC, &rest);
		p = button_irq_put_digits(p, rest, 9);
		return button_irq_put_number(p, n);
	}
	return button_irq_put_digits(p, rest, 1);
}

static char *button_irq_put_seconds(char *p, u64 ns)
{
	u32 rest;
	u64 seconds = div_u64_rem(ns, NSEC_PER_SEC, &rest);

	p = button_irq_put_digits(p, rest, 9);
	*--p = '.';
	return button_irq_put_number(p, seconds);
}

static char *button_irq_put_line(char *p, const struct button_irq_event *e)
{
	*--p = '\n';
	if (e->type == BUTTON_IRQ_PRESS)
		p = button_irq_put(p, " press");
	else if (e->type == BUTTON_IRQ_RELEASE)
		p = button_irq_put(button_irq_put_seconds(p, e->held_ns), " release ");
	else if (e->type == BUTTON_IRQ_LOST)
		p = button_irq_put(button_irq_put_number(p, e->count), " lost ");
	else
		p = button_irq_put(button_irq_put_number(p, e->count), " missed ");
	p = button_irq_put_seconds(p, e->timestamp_ns);
	*--p = ' ';
	return button_irq_put_number(p, e->seq);
}

/*
 * Read at most one line, as read() of /dev/kmsg does: head, sed q and the like read with a large
 * buffer and exit, so a second line would be lost. Returns 0 if there is nothing to read.
 */
static ssize_t button_irq_read_text(struct button_irq_reader *r, struct iov_iter *to)
{
	struct button_irq_event event;
	unsigned long cursor = r->cursor;
	char *end;
	size_t n;

	if (!r->left) {
		if (!button_irq_ring_read(&r->button->out.ring, &cursor, r->clock, &event, 1))
			return 0;
		WRITE_ONCE(r->cursor, cursor);
		end = r->text + sizeof(r->text);
		WRITE_ONCE(r->left, end - button_irq_put_line(end, &event));
	}
	n = copy_to_iter(r->text + sizeof(r->text) - r->left,
			 min_t(size_t, iov_iter_count(to), r->left), to);
	WRITE_ONCE(r->left, r->left - n);
	return n ?: -EFAULT;
}

/* Read up to @max further records. Returns how many were read, without an error. */
static noinline size_t button_irq_read_records(struct button_irq_reader *r, struct iov_iter *to,
					       size_t max)
{
	struct button_irq_event events[BUTTON_IRQ_RECORDS];
	unsigned long cursor = r->cursor;
	size_t n, copied, total = 0;

	do {
		n = button_irq_ring_read(&r->button->out.ring, &cursor, r->clock, events,
					 min_t(size_t, max - total, BUTTON_IRQ_RECORDS));
		copied = copy_to_iter(events, n * sizeof(*events), to) / sizeof(*events);
		/* A record that could not be copied stays for the next read. */
		if (copied < n)
			cursor = events[copied].seq - 1;
		WRITE_ONCE(r->cursor, cursor);
		total += copied;
	} while (n && copied == n && total < max);
	return total;
}

/*
 * Read as many whole records as fit. Returns 0 if there is nothing to read. Most reads get one
 * record, so the array for more is in a function of its own: a kernel that initialises stack
 * variables takes longer to clear the array than to read the record.
 */
static ssize_t button_irq_read_binary(struct button_irq_reader *r, struct iov_iter *to)
{
	size_t room = iov_iter_count(to) / sizeof(struct button_irq_event);
	unsigned long cursor = r->cursor;
	struct button_irq_event event;

	if (!room)
		return -EINVAL;
	if (!button_irq_ring_read(&r->button->out.ring, &cursor, r->clock, &event, 1))
		return 0;
	if (copy_to_iter(&event, sizeof(event), to) < sizeof(event))
		return -EFAULT;
	WRITE_ONCE(r->cursor, cursor);
	if (room == 1)
		return sizeof(event);
	return (1 + button_irq_read_records(r, to, room - 1)) * sizeof(event);
}

static ssize_t button_irq_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct button_irq_reader *r = file->private_data;
	struct button_irq *b = r->button;
	bool nowait = (iocb->ki_flags & IOCB_NOWAIT) || (file->f_flags & O_NONBLOCK);
	DEFINE_WAIT(wait);
	bool gone;
	ssize_t n;

	for (;;) {
		if (nowait ? !mutex_trylock(&r->lock) : mutex_lock_interruptible(&r->lock))
			return nowait ? -EAGAIN : -ERESTARTSYS;
		/* G2, pairs with G1 in button_irq_shutdown(): earlier events are readable. */
		gone = smp_load_acquire(&b->out.gone);
		if (r->format == BUTTON_IRQ_FORMAT_BINARY)
			n = button_irq_read_binary(r, to);
		else
			n = iov_iter_count(to) ? button_irq_read_text(r, to) : 0;
		mutex_unlock(&r->lock);

		if (n || !iov_iter_count(to))
			return n;
		if (gone)
			return -ENODEV;
		if (nowait)
			return -EAGAIN;
		if (signal_pending(current))
			return -ERESTARTSYS;
		/* As wait_event_interruptible(), but the next pass finds out why the wait ended. */
		prepare_to_wait(&b->out.wait, &wait, TASK_INTERRUPTIBLE);
		if (!button_irq_readable(r) && !READ_ONCE(b->out.gone) && !signal_pending(current))
			schedule();
		finish_wait(&b->out.wait, &wait);
	}
}

static __poll_t button_irq_poll(struct file *file, poll_table *wait)
{
	struct button_irq_reader *r = file->private_data;
	struct button_irq *b = r->button;
	__poll_t events = 0;

	poll_wait(file, &b->out.wait, wait);
	/* G2, pairs with G1 in button_irq_shutdown(). */
	if (smp_load_acquire(&b->out.gone))
		events |= EPOLLHUP | EPOLLERR;
	if (button_irq_readable(r))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static long button_irq_get_info(struct button_irq *b, struct button_irq_info __user *to)
{
	struct button_irq_info info = {
		.abi_version = BUTTON_IRQ_ABI_VERSION,
		.state = READ_ONCE(b->thread.debounce.state),
		.debounce_us = READ_ONCE(b->set.debounce_us),
		.debounce_mode = READ_ONCE(b->set.debounce_mode),
		.ring_events = b->out.ring.size,
	};

	if (READ_ONCE(b->out.gone))
		return -ENODEV;
	/* Both strings are zero-filled to their full size. */
	memcpy(info.label, b->hw.label, sizeof(info.label));
	memcpy(info.line, b->hw.line, sizeof(info.line));
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
}

static long button_irq_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct button_irq_reader *r = file->private_data;
	void __user *argp = (void __user *)arg;
	u32 value = 0;

	if (cmd == BUTTON_IRQ_IOC_GET_INFO)
		return button_irq_get_info(r->button, argp);
	if (cmd != BUTTON_IRQ_IOC_SET_FORMAT && cmd != BUTTON_IRQ_IOC_SET_CLOCK &&
	    cmd != BUTTON_IRQ_IOC_REWIND)
		return -ENOTTY;
	if (cmd != BUTTON_IRQ_IOC_REWIND && copy_from_user(&value, argp, sizeof(value)))
		return -EFAULT;
	if (cmd == BUTTON_IRQ_IOC_SET_FORMAT && value > BUTTON_IRQ_FORMAT_BINARY)
		return -EINVAL;
	if (cmd == BUTTON_IRQ_IOC_SET_CLOCK && value != CLOCK_MONOTONIC &&
	    value != CLOCK_BOOTTIME && value != CLOCK_REALTIME)
		return -EINVAL;

	if (mutex_lock_interruptible(&r->lock))
		return -ERESTARTSYS;
	if (cmd == BUTTON_IRQ_IOC_SET_FORMAT)
		r->format = value;
	else if (cmd == BUTTON_IRQ_IOC_SET_CLOCK)
		r->clock = value;
	else
		WRITE_ONCE(r->cursor, button_irq_ring_head(&r->button->out.ring, true));
	/* The rest of a half-read line belongs to the old format, clock or place. */
	WRITE_ONCE(r->left, 0);
	mutex_unlock(&r->lock);
	return 0;
}

static int button_irq_fasync(int fd, struct file *file, int on)
{
	struct button_irq_reader *r = file->private_data;

	return fasync_helper(fd, file, on, &r->button->out.async);
}

static int button_irq_open(struct inode *inode, struct file *file)
{
	struct button_irq *b = button_irq_get(iminor(inode));
	struct button_irq_reader *r;
	int ret;

	if (!b)
		return -ENODEV;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r || !atomic_add_unless(&b->out.readers, 1, button_irq_max_readers)) {
		ret = r ? -EBUSY : -ENOMEM;
		put_device(&b->dev);
		kfree(r);
		return ret;
	}
	mutex_init(&r->lock);
	r->format = BUTTON_IRQ_FORMAT_TEXT;
	r->clock = CLOCK_MONOTONIC;
	r->button = b;
	/* Start at the next event. */
	r->cursor = button_irq_ring_head(&b->out.ring, false);
	file->private_data = r;
	file->f_mode |= FMODE_NOWAIT;
	/* Makes every lseek() fail with ESPIPE: a shell then reads no further than one line. */
	return stream_open(inode, file);
}

static int button_irq_release(struct inode *inode, struct file *file)
{
	struct button_irq_reader *r = file->private_data;

	atomic_dec(&r->button->out.readers);
	put_device(&r->button->dev);
	kfree(r);
	return 0;
}

static const struct file_operations button_irq_fops = {
	.owner = THIS_MODULE,
	.open = button_irq_open,
	.release = button_irq_release,
	.read_iter = button_irq_read_iter,
	.splice_read = copy_splice_read,
	.poll = button_irq_poll,
	.unlocked_ioctl = button_irq_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.fasync = button_irq_fasync,
};

/* --- sysfs ----------------------------------------------------------------------------- */

static struct button_irq *to_button_irq(struct device *dev)
{
	return container_of(dev, struct button_irq, dev);
}

#define BUTTON_IRQ_SHOW(name, format, value)						\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	struct button_irq *b = to_button_irq(dev);					\
											\
	return sysfs_emit(buf, format "\n", value);					\
}

BUTTON_IRQ_SHOW(label, "%s", b->hw.label)
static DEVICE_ATTR_RO(label);
BUTTON_IRQ_SHOW(line, "%s", b->hw.line)
static DEVICE_ATTR_RO(line);

#define BUTTON_IRQ_COUNTER(name, field)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	return sysfs_emit(buf, "%lu\n", READ_ONCE(to_button_irq(dev)->thread.field));	\
}											\
static DEVICE_ATTR_RO(name)

BUTTON_IRQ_COUNTER(presses, debounce.presses);
BUTTON_IRQ_COUNTER(releases, debounce.releases);
BUTTON_IRQ_COUNTER(edges, debounce.edges);
BUTTON_IRQ_COUNTER(inferred, debounce.inferred);
BUTTON_IRQ_COUNTER(bounces, debounce.bounces);
BUTTON_IRQ_COUNTER(glitches, debounce.glitches);
BUTTON_IRQ_COUNTER(missed, debounce.missed);
BUTTON_IRQ_COUNTER(storms, storms);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct button_irq *b = to_button_irq(dev);

	/* N2, a full barrier, pairs with N1 in button_irq_notify_state(). */
	xchg(&b->thread.state_read, 1);
	return sysfs_emit(buf, "%s\n",
			  READ_ONCE(b->thread.debounce.state) ? "pressed" : "released");
}
static DEVICE_ATTR_RO(state);

/*
 * Apply a setting if it is valid. Edges that are queued already, such as bounces that wait for
 * the timer, are fed with the old settings first: at most a full queue, however many follow.
 * The thread then samples, because an open window may be over by the new settings.
 */
static ssize_t button_irq_store(struct device *dev, u32 *setting, u32 value, u32 max, size_t count)
{
	struct button_irq *b = to_button_irq(dev);
	unsigned int n = BUTTON_IRQ_QUEUE / BUTTON_IRQ_BATCH;

	if (value > max)
		return -EINVAL;
	mutex_lock(&b->thread.lock);
	while (n-- && button_irq_drain(b))
		;
	WRITE_ONCE(*setting, value);
	button_irq_configure(b);
	mutex_unlock(&b->thread.lock);
	button_irq_request(b, BUTTON_IRQ_REQ_SAMPLE);
	return count;
}

#define BUTTON_IRQ_STORE(name, max)							\
static ssize_t name##_store(struct device *dev, struct device_attribute *attr,		\
			    const char *buf, size_t count)				\
{											\
	u32 value;									\
											\
	if (kstrtou32(buf, 10, &value))							\
		return -EINVAL;								\
	return button_irq_store(dev, &to_button_irq(dev)->set.name, value, max, count);	\
}

BUTTON_IRQ_SHOW(debounce_us, "%u", READ_ONCE(b->set.debounce_us))
BUTTON_IRQ_STORE(debounce_us, BUTTON_IRQ_DEBOUNCE_US_MAX)
static DEVICE_ATTR_RW(debounce_us);
BUTTON_IRQ_SHOW(storm_rate, "%u", READ_ONCE(b->set.storm_rate))
BUTTON_IRQ_STORE(storm_rate, BUTTON_IRQ_STORM_RATE_MAX)
static DEVICE_ATTR_RW(storm_rate);
BUTTON_IRQ_SHOW(debounce_mode, "%s", button_irq_modes[READ_ONCE(b->set.debounce_mode)])
static ssize_t debounce_mode_store(struct device *dev, struct device_attribute *attr,
				   const char *buf, size_t count)
{
	/* The negative error for an unknown word is, as a u32, over the maximum. */
	return button_irq_store(dev, &to_button_irq(dev)->set.debounce_mode,
				sysfs_match_string(button_irq_modes, buf),
				BUTTON_IRQ_MODE_SETTLE, count);
}
static DEVICE_ATTR_RW(debounce_mode);

static struct attribute *button_irq_attrs[] = {
	&dev_attr_label.attr,
	&dev_attr_line.attr,
	&dev_attr_state.attr,
	&dev_attr_presses.attr,
	&dev_attr_releases.attr,
	&dev_attr_edges.attr,
	&dev_attr_inferred.attr,
	&dev_attr_bounces.attr,
	&dev_attr_glitches.attr,
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

/* --- Labels, and the link to the controller -------------------------------------------- */

/* The controller of a Raspberry Pi's header: BCM2835 to BCM2837, BCM2711, RP1. */
static const char * const button_irq_header_chips[] = {
	"pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1",
};

static bool button_irq_link_taken(const struct button_irq *b)
{
	unsigned int i;

	for (i = 0; i < BUTTON_IRQ_BUTTONS; i++)
		if (button_irq_minors[i].state != BUTTON_IRQ_FREE &&
		    !strcmp(button_irq_minors[i].button->hw.link, b->hw.link))
			return true;
	return false;
}

/* If another button has the same link name, the label gets a suffix. */
static void button_irq_set_label(struct button_irq *b, const char *label)
{
	size_t len = strlen(label);
	char suffix[8] = "";
	unsigned int n = 1;

	lockdep_assert_held(&button_irq_lock);
	do {
		/* Make room for the suffix, and do not split a UTF-8 character. */
		while (len + strlen(suffix) >= BUTTON_IRQ_LABEL || ((u8)label[len] & 0xc0) == 0x80)
			len--;
		memset(b->hw.label, 0, BUTTON_IRQ_LABEL);
		snprintf(b->hw.label, BUTTON_IRQ_LABEL, "%.*s%s", (int)len, label, suffix);
		button_irq_link_name(b->hw.link, b->hw.label);
		snprintf(suffix, sizeof(suffix), "_%u", ++n);
	} while (button_irq_link_taken(b));
	if (n > 2)
		dev_notice(b->dev.parent, "the link of label %s is taken, so this button is %s\n",
			   label, b->hw.label);
}

/*
 * Link the button to its controller, so that the button is unbound before the controller. A link
 * made while the controller is being unbound would come too late: the controller would free the
 * line's interrupt while it is requested here. Unbinding holds the controller's device lock,
 * except while it unbinds consumers; links.status is DL_DEV_UNBINDING then.
 *
 * Anybody may hold that lock for a moment, such as a writer of power/control: try again. Must not
 * wait without end: the holder may wait for the lock of @dev, which is held here, or be this very
 * task, if the controller's probe adds @dev. Not bound, or no longer: defer at once.
 */
static __cold int button_irq_link(struct device *dev, struct device *chip, struct gpio_desc *gpiod)
{
	struct device_link *link = NULL;
	unsigned int ms;

	if (IS_ERR_OR_NULL(chip))
		return chip ? -EPROBE_DEFER : 0;
	for (ms = 0; !device_trylock(chip); ms++) {
		if (READ_ONCE(chip->links.status) != DL_DEV_DRIVER_BOUND ||
		    ms == BUTTON_IRQ_LOCK_MS)
			return -EPROBE_DEFER;
		usleep_range(1000, 1100);
	}
	/* The controller may have gone since the line was looked up. */
	if (chip->links.status != DL_DEV_UNBINDING &&
	    (!gpiod || button_irq_line_parent(gpiod) == chip))
		link = device_link_add(dev, chip, DL_FLAG_AUTOREMOVE_CONSUMER);
	device_unlock(chip);
	return link ? 0 : -EPROBE_DEFER;
}

/* --- Buttons from module parameters, and log lines for failures ------------------------ */

#include "button_irq_params.h"

/* --- The button: start, end ------------------------------------------------------------ */

static void button_irq_dev_release(struct device *dev)
{
	struct button_irq *b = to_button_irq(dev);

	vfree(b->out.ring.report);
	kfree(b->queue.edge);
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
	device_set_pm_not_required(&b->dev);
	mutex_init(&b->thread.lock);
	b->thread.suspended = true;
	INIT_WORK(&b->thread.work, button_irq_work);
	hrtimer_setup(&b->thread.timer, button_irq_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	b->thread.resample_time = BUTTON_IRQ_NO_DEADLINE;
	b->thread.unmask_time = BUTTON_IRQ_NO_DEADLINE;
	init_waitqueue_head(&b->out.wait);
	seqcount_init(&b->out.ring.seqcount);

	b->queue.edge = kcalloc(BUTTON_IRQ_QUEUE, sizeof(*b->queue.edge), GFP_KERNEL);
	b->out.ring.size = button_irq_ring_events;
	/* Large, but need not be physically contiguous. The caller logs a failure. */
	b->out.ring.report = __vmalloc(array_size(b->out.ring.size, sizeof(*b->out.ring.report)),
				       GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!b->queue.edge || !b->out.ring.report) {
		put_device(&b->dev);
		return NULL;
	}
	button_irq_now(b);
	return b;
}

static void button_irq_free_input(struct button_irq *b)
{
	struct input_dev *input = b->hw.input;

	if (!IS_REACHABLE(CONFIG_INPUT) || !input)
		return;
	b->hw.input = NULL;
	if (device_is_registered(&input->dev))
		input_unregister_device(input);
	else
		input_free_device(input);
}

/*
 * Undo button_irq_create(), even if it failed halfway, and button_irq_go_live(). A devm action,
 * which runs before devm frees the line. An open file keeps a reference to the button: it reads
 * the events that are in the ring when @out.gone is set, then gets -ENODEV.
 */
static __cold void button_irq_shutdown(void *data)
{
	struct button_irq *b = data;
	bool live;

	mutex_lock(&button_irq_lock);
	live = button_irq_minors[MINOR(b->dev.devt)].state == BUTTON_IRQ_LIVE;
	button_irq_set_state(b, BUTTON_IRQ_RESERVED);
	mutex_unlock(&button_irq_lock);

	if (b->hw.irq > 0) {
		device_init_wakeup(b->dev.parent, false);
		/*
		 * Before 6.6 free_irq() spins until the handler of a nested interrupt has
		 * returned, but the handler may need this CPU. Sleep until the handler is done.
		 */
		if (b->hw.nested)
			disable_irq_nosync(b->hw.irq);
		while (READ_ONCE(b->top.busy))
			usleep_range(50, 100);
		/* After free_irq() no interrupt comes, and the thread has ended. */
		free_irq(b->hw.irq, b);
	}
	mutex_lock(&b->thread.lock);
	if (live)
		button_irq_finish(b);
	/* G1, pairs with G2 in button_irq_read_iter() and button_irq_poll(): no event follows. */
	smp_store_release(&b->out.gone, true);
	mutex_unlock(&b->thread.lock);

	/* device_del() waits for sysfs writes, which may start timer and work: cancel later. */
	if (device_is_registered(&b->dev))
		device_del(&b->dev);
	hrtimer_cancel(&b->thread.timer);
	cancel_work_sync(&b->thread.work);
	button_irq_free_input(b);
	sysfs_put(b->thread.state_node);

	wake_up_interruptible_poll(&b->out.wait, EPOLLHUP | EPOLLERR);
	kill_fasync(&b->out.async, SIGIO, POLL_HUP);

	/* Free the number only now: until device_del() the device name was in use. */
	mutex_lock(&button_irq_lock);
	button_irq_set_state(b, BUTTON_IRQ_FREE);
	mutex_unlock(&button_irq_lock);
	put_device(&b->dev);
}

static int button_irq_request_irq(struct button_irq *b)
{
	struct device *dev = b->dev.parent;
	int ret, irq = gpiod_to_irq(b->hw.gpiod);

	if (irq < 0)
		return button_irq_error(dev, irq, "the line has no interrupt");
	/* Do not even try: genirq would log a mismatch of flags. */
	if (irq_has_action(irq))
		return button_irq_error(dev, -EBUSY, "the line's interrupt is in use");

	/*
	 * IRQF_NO_THREAD keeps the top half in hard IRQ on PREEMPT_RT; the thread stays a thread.
	 * Not IRQF_ONESHOT: that would keep the line masked until the thread returns.
	 * IRQF_NO_AUTOEN: button_irq_start() unmasks the line.
	 */
	ret = request_threaded_irq(irq, button_irq_top_half, button_irq_thread,
				   IRQF_TRIGGER_RISING | IRQF_TRIGGER_FALLING | IRQF_NO_THREAD |
				   IRQF_NO_AUTOEN, dev_name(&b->dev), b);
	if (ret)
		return button_irq_error(dev, ret, "cannot get the line's interrupt");
	b->hw.irq = irq;
	b->hw.nested = irq_check_status_bit(irq, IRQ_NESTED_THREAD);
	b->hw.mask_sleeps = !b->hw.nested && irq_get_chip(irq)->irq_bus_lock;
	b->hw.read_level = button_irq_read_level && !b->hw.nested && !gpiod_cansleep(b->hw.gpiod);
	return 0;
}

static int button_irq_init_wakeup(struct button_irq *b)
{
	struct device *dev = b->dev.parent;
	int ret;

	/* The only way to learn whether the controller can wake the system is to try. */
	if (enable_irq_wake(b->hw.irq))
		return 0;
	disable_irq_wake(b->hw.irq);
	device_set_wakeup_capable(dev, true);
	ret = b->set.wakeup ? device_wakeup_enable(dev) : 0;
	return ret ? button_irq_error(dev, ret, "cannot make the line a wake-up source") : 0;
}

/* Allocate the input device of a button that is also a key or a switch. */
static int button_irq_init_input(struct button_irq *b)
{
	struct device *dev = b->dev.parent;
	struct input_dev *input;

	if (b->set.code == BUTTON_IRQ_NO_CODE ||
	    (b->set.type == EV_KEY && b->set.code == KEY_RESERVED))
		return 0;
	if (!IS_REACHABLE(CONFIG_INPUT))
		return button_irq_error(dev, -ENODEV, "this kernel has no input devices");
	/* Not devm_: the device must outlive the last report, in button_irq_shutdown(). */
	input = input_allocate_device();
	if (!input)
		return button_irq_error(dev, -ENOMEM, "no memory for an input device");
	input->dev.parent = dev;
	input->name = b->hw.label;
	input->phys = dev_name(&b->dev);
	input->id.bustype = BUS_HOST;
	input_set_capability(input, b->set.type, b->set.code);
	if (b->set.repeat)
		__set_bit(EV_REP, input->evbit);
	b->hw.input = input;
	return 0;
}

/* Assign minor number, device name and label. */
static int button_irq_register(struct button_irq *b)
{
	const char *parent = dev_name(b->dev.parent), *chip = button_irq_line_chip(b->hw.gpiod);
	u32 name = full_name_hash(NULL, parent, strlen(parent)) ?: 1;
	char label[16];
	int minor, ret;

	lockdep_assert_held(&button_irq_lock);
	minor = button_irq_free_minor(name);
	if (minor < 0)
		return button_irq_error(b->dev.parent, minor, "no minor number is left");
	ret = minor ? dev_set_name(&b->dev, BUTTON_IRQ_NAME "%d", minor) :
		      dev_set_name(&b->dev, BUTTON_IRQ_NAME);
	if (ret)
		return ret;
	b->dev.devt = button_irq_devt + minor;
	/* The default label is the pin on a Raspberry Pi's header, else the node's name. */
	if (match_string(button_irq_header_chips, ARRAY_SIZE(button_irq_header_chips), chip) < 0)
		strscpy(label, dev_name(&b->dev), sizeof(label));
	else
		snprintf(label, sizeof(label), "gpio%u", button_irq_line_offset(b->hw.gpiod));
	button_irq_set_label(b, b->set.label ?: label);
	button_irq_minors[minor].name = name;
	button_irq_minors[minor].button = b;
	button_irq_set_state(b, BUTTON_IRQ_RESERVED);
	return 0;
}

/* Start the debouncer with the line at @level, without an event. */
static void button_irq_set_level(struct button_irq *b, int level)
{
	/* Uncontended: neither the thread nor sysfs uses the button yet. */
	mutex_lock(&b->thread.lock);
	button_irq_debounce_init(&b->thread.debounce, level);
	button_irq_configure(b);
	b->thread.state_notified = level;
	mutex_unlock(&b->thread.lock);
}

static int button_irq_init_level(struct button_irq *b)
{
	int level = gpiod_get_value_cansleep(b->hw.gpiod);

	if (level < 0)
		return button_irq_error(b->dev.parent, level, "cannot read the line");
	button_irq_set_level(b, level);
	return 0;
}

/*
 * While a line reads as pressed, its pull may still be charging a capacitor: wait until all lines
 * of ready buttons read as released, for BUTTON_IRQ_RISE_MS at most. Reading the debouncer's
 * state takes no lock: until button_irq_start() clears @thread.suspended, only
 * button_irq_set_level() writes it, in the probe before the button is ready, or here.
 */
static void button_irq_settle_levels(void)
{
	bool pressed = true;
	unsigned int i, ms;

	for (ms = 0; pressed && ms <= BUTTON_IRQ_RISE_MS; ms++) {
		if (ms)
			usleep_range(1000, 1100);
		pressed = false;
		for (i = 0; i < BUTTON_IRQ_BUTTONS; i++) {
			struct button_irq *b = button_irq_minors[i].button;

			if (button_irq_minors[i].state != BUTTON_IRQ_READY ||
			    !b->thread.debounce.state)
				continue;
			if (gpiod_get_value_cansleep(b->hw.gpiod))
				pressed = true;
			else
				button_irq_set_level(b, 0);
		}
	}
}

/* Make the node. button_irq_start() sends its uevent, when the node can be opened. */
static int button_irq_add(struct button_irq *b)
{
	struct device *dev = b->dev.parent;
	int ret = b->hw.input ? input_register_device(b->hw.input) : 0;

	if (ret)
		return button_irq_error(dev, ret, "cannot make the input device");
	dev_set_uevent_suppress(&b->dev, true);
	ret = device_add(&b->dev);
	if (ret)
		return button_irq_error(dev, ret, "cannot make the device node");
	WRITE_ONCE(b->thread.state_node, sysfs_get_dirent(b->dev.kobj.sd, "state"));
	return 0;
}

static void button_irq_start(struct button_irq *b)
{
	bool differs = strcmp(b->hw.link, b->hw.label);

	button_irq_set_state(b, BUTTON_IRQ_LIVE);
	dev_set_uevent_suppress(&b->dev, false);
	/* A program may open the node before the line is unmasked: it waits for the first event. */
	kobject_uevent(&b->dev.kobj, KOBJ_ADD);
	/* A switch reports its initial state; a key held since before loading sends nothing. */
	if (b->set.type == EV_SW)
		button_irq_report_key(b, b->thread.debounce.state, ktime_get_ns());
	mutex_lock(&b->thread.lock);
	b->thread.suspended = false;
	button_irq_unmask(b, BUTTON_IRQ_STARTED);
	mutex_unlock(&b->thread.lock);
	/* The line may have moved since its level was read. */
	button_irq_request(b, BUTTON_IRQ_REQ_SAMPLE);

	dev_info(b->dev.parent,
		 "/dev/%s: line %s, label %s%s%s, IRQ %d, debounce %u us %s%s%s\n",
		 dev_name(&b->dev), b->hw.line, b->hw.label,
		 differs ? ", link " : "", differs ? b->hw.link : "",
		 b->hw.irq, READ_ONCE(b->set.debounce_us),
		 button_irq_modes[READ_ONCE(b->set.debounce_mode)],
		 device_may_wakeup(b->dev.parent) ? ", wakes the system" :
		 b->set.wakeup ? ", the controller cannot wake the system" : "",
		 b->set.note ?: "");
}

/*
 * Make every ready button live: at the end of loading all of them, later the button just probed.
 * No node can be opened before the cdev is added, the last step of loading that can fail.
 */
static __cold int button_irq_go_live(void)
{
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&button_irq_lock);
	button_irq_settle_levels();
	for (i = 0; !ret && i < BUTTON_IRQ_BUTTONS; i++)
		if (button_irq_minors[i].state == BUTTON_IRQ_READY)
			ret = button_irq_add(button_irq_minors[i].button);
	if (!ret && !button_irq_loaded)
		ret = cdev_add(&button_irq_cdev, button_irq_devt, BUTTON_IRQ_BUTTONS);
	if (ret)
		return ret;
	button_irq_loaded = true;
	for (i = 0; i < BUTTON_IRQ_BUTTONS; i++)
		if (button_irq_minors[i].state == BUTTON_IRQ_READY)
			button_irq_start(button_irq_minors[i].button);
	/* Until then an interrupt is taken as latched. On return, every interrupt is an edge. */
	fsleep(BUTTON_IRQ_REPLAY_NS / NSEC_PER_USEC);
	return 0;
}

/* Create a button, from module parameters or the device tree: do all that can fail. */
static int button_irq_create(struct device *dev, struct gpio_desc *gpiod,
			     const struct button_irq_config *config)
{
	struct button_irq *b;
	int ret;

	ret = button_irq_link(dev, button_irq_line_parent(gpiod), gpiod);
	if (ret)	/* not by dev_err_probe(): the driver core would leak its message */
		return ret;
	b = button_irq_alloc(dev);
	if (!b)
		return button_irq_error(dev, -ENOMEM, "no memory");
	button_irq_warn_of_rp1(dev, gpiod);
	b->hw.gpiod = gpiod;
	snprintf(b->hw.line, BUTTON_IRQ_LINE, "%s:%u", button_irq_line_chip(gpiod),
		 button_irq_line_offset(gpiod));
	b->set = *config;

	mutex_lock(&button_irq_lock);
	ret = button_irq_register(b);
	mutex_unlock(&button_irq_lock);
	if (ret) {
		put_device(&b->dev);
		return ret;
	}
	ret = devm_add_action_or_reset(dev, button_irq_shutdown, b);
	if (ret)
		return ret;
	gpiod_set_consumer_name(gpiod, b->hw.label);
	ret = button_irq_request_irq(b);
	ret = ret ?: button_irq_init_wakeup(b);
	ret = ret ?: button_irq_init_input(b);
	ret = ret ?: button_irq_init_level(b);
	if (ret)
		return ret;
	dev_set_drvdata(dev, b);

	mutex_lock(&button_irq_lock);
	button_irq_set_state(b, BUTTON_IRQ_READY);
	if (button_irq_loaded)
		ret = button_irq_go_live();
	if (ret)
		button_irq_set_state(b, BUTTON_IRQ_RESERVED);
	mutex_unlock(&button_irq_lock);
	return ret;
}

/* --- Power management ------------------------------------------------------------------ */

/*
 * Until resume the thread must not touch the chip, whose bus may be off. A storm's mask ends now,
 * as it would keep the line from waking the system. A storm after this masks the line till resume.
 */
static int button_irq_suspend(struct device *dev)
{
	struct button_irq *b = dev_get_drvdata(dev);

	mutex_lock(&b->thread.lock);
	button_irq_process(b);
	if (b->thread.unmask_time != BUTTON_IRQ_NO_DEADLINE)
		button_irq_unmask(b, BUTTON_IRQ_UNMASKED);
	/* Not by dev_pm_set_wake_irq(), which arms the line once the chip is suspended. */
	b->thread.armed = device_may_wakeup(dev) && !enable_irq_wake(b->hw.irq);
	b->thread.suspended = true;
	/* An expander is suspended next, and delivers a later edge when it resumes. */
	if (b->hw.nested)
		WRITE_ONCE(b->top.mode, b->thread.armed ? BUTTON_IRQ_ASLEEP : BUTTON_IRQ_EDGES);
	/* S2, a full barrier, pairs with S1 in button_irq_record(): no edge waits for the timer. */
	smp_store_mb(b->quiet, false);
	button_irq_process(b);
	mutex_unlock(&b->thread.lock);
	return 0;
}

/* Runs after a sleep, before genirq replays what came meanwhile and calls handlers again. */
static int button_irq_resume_noirq(struct device *dev)
{
	struct button_irq *b = dev_get_drvdata(dev);

	if (!b->hw.nested && b->thread.armed)
		WRITE_ONCE(b->top.mode, BUTTON_IRQ_ASLEEP);
	else if (!b->hw.nested)
		button_irq_expect_latched(b, BUTTON_IRQ_UNMASKED);
	return 0;
}

static int button_irq_resume(struct device *dev)
{
	struct button_irq *b = dev_get_drvdata(dev);

	mutex_lock(&b->thread.lock);
	b->thread.suspended = false;
	if (b->thread.armed)
		disable_irq_wake(b->hw.irq);
	if (READ_ONCE(b->top.mode) == BUTTON_IRQ_ASLEEP) {
		b->top.replay_until = ktime_get_ns() + BUTTON_IRQ_LATE_NS;
		/* M1, a full barrier, pairs with M2 in button_irq_is_replay(). */
		cmpxchg(&b->top.mode, BUTTON_IRQ_ASLEEP, BUTTON_IRQ_RESUMED);
	} else if (b->hw.nested && !b->thread.armed) {
		button_irq_expect_latched(b, BUTTON_IRQ_UNMASKED);
	}
	mutex_unlock(&b->thread.lock);
	button_irq_request(b, BUTTON_IRQ_REQ_REPLAY);
	return 0;
}

static const struct dev_pm_ops button_irq_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(button_irq_suspend, button_irq_resume)
	NOIRQ_SYSTEM_SLEEP_PM_OPS(NULL, button_irq_resume_noirq)
};

/* --- Buttons in the device tree -------------------------------------------------------- */

/* Without the property, *@value keeps the default. */
static __cold int button_irq_read_u32(struct device *dev, const char *name, u32 max, u32 *value)
{
	if (!device_property_present(dev, name))
		return 0;
	if (device_property_read_u32(dev, name, value))
		return dev_err_probe(dev, -EINVAL, "%s: not one number\n", name);
	if (*value > max)
		return dev_err_probe(dev, -EINVAL, "%s: %u is over %u\n", name, *value, max);
	return 0;
}

static int button_irq_read_string(struct device *dev, const char *name, const char **text)
{
	if (device_property_present(dev, name) && device_property_read_string(dev, name, text))
		return dev_err_probe(dev, -EINVAL, "%s: not one string\n", name);
	return 0;
}

static int button_irq_read_properties(struct device *dev, struct button_irq_config *config)
{
	const char *mode = button_irq_modes[BUTTON_IRQ_MODE_EAGER];
	int ret;

	*config = button_irq_defaults;
	ret = button_irq_read_u32(dev, "debounce-us", BUTTON_IRQ_DEBOUNCE_US_MAX,
				  &config->debounce_us);
	ret = ret ?: button_irq_read_u32(dev, "linux,input-type", EV_MAX, &config->type);
	if (!ret && config->type != EV_KEY && config->type != EV_SW)
		return dev_err_probe(dev, -EINVAL,
				     "linux,input-type: %u is neither EV_KEY nor EV_SW\n",
				     config->type);
	ret = ret ?: button_irq_read_u32(dev, "linux,code",
					 config->type == EV_SW ? SW_MAX : KEY_MAX, &config->code);
	ret = ret ?: button_irq_read_string(dev, "debounce-mode", &mode);
	ret = ret ?: button_irq_read_string(dev, "label", &config->label);
	if (ret)
		return ret;
	ret = match_string(button_irq_modes, ARRAY_SIZE(button_irq_modes), mode);
	if (ret < 0)
		return dev_err_probe(dev, -EINVAL,
				     "debounce-mode: %s is neither eager nor settle\n", mode);
	config->debounce_mode = ret;
	if (config->label && !button_irq_label_valid(config->label))
		return dev_err_probe(dev, -EINVAL, "label: \"%s\" is " BUTTON_IRQ_LABEL_RULE "\n",
				     config->label);
	config->repeat = device_property_read_bool(dev, "autorepeat");
	config->wakeup = device_property_read_bool(dev, "wakeup-source");
	return 0;
}

static __cold int button_irq_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct button_irq_param *param = button_irq_param_of(dev);
	struct button_irq_config config;
	struct gpio_desc *gpiod;
	int ret = 0;

	if (param)
		config = param->config;
	else
		ret = button_irq_read_properties(dev, &config);
	if (ret)
		return ret;
	gpiod = button_irq_get_line(dev, param, &config);
	ret = IS_ERR(gpiod) ? button_irq_line_error(dev, param, PTR_ERR(gpiod)) :
			      button_irq_create(dev, gpiod, &config);
	if (!param)
		return ret;
	/* insmod returns @error, which is logged above. The driver core does not log -ENODEV. */
	param->error = ret == -EPROBE_DEFER ? button_irq_line_error(dev, param, ret) : ret;
	return ret ? -ENODEV : 0;
}

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
		/* Synchronous, because insmod returns the result of its lines' probes. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

/* --- Module ---------------------------------------------------------------------------- */

/*
 * Load in two phases. First create every button, of the device tree and of module parameters,
 * masked and without a node. When all of them are ready, add the nodes and make the buttons live.
 */
static int __init button_irq_init(void)
{
	int ret;

	if (!is_power_of_2(button_irq_ring_events) || button_irq_ring_events < 16 ||
	    button_irq_ring_events > 65536) {
		pr_err("ring_events=%u: not a power of two from 16 to 65536\n",
		       button_irq_ring_events);
		return -EINVAL;
	}
	if (!button_irq_max_readers || button_irq_max_readers > 65536) {
		pr_err("max_readers=%u: not a number from 1 to 65536\n", button_irq_max_readers);
		return -EINVAL;
	}
	ret = button_irq_parse_params();
	if (ret)
		return ret;
	cdev_init(&button_irq_cdev, &button_irq_fops);
	button_irq_cdev.owner = THIS_MODULE;
	ret = alloc_chrdev_region(&button_irq_devt, 0, BUTTON_IRQ_BUTTONS, BUTTON_IRQ_NAME);
	if (ret)
		return ret;
	ret = class_register(&button_irq_class);
	if (ret)
		goto free_devt;
	ret = platform_driver_register(&button_irq_driver);
	if (ret)
		goto free_class;
	ret = button_irq_add_params();
	if (ret)
		goto remove_params;
	mutex_lock(&button_irq_lock);
	ret = button_irq_go_live();
	mutex_unlock(&button_irq_lock);
	if (!ret)
		return 0;

remove_params:
	button_irq_remove_params();
	platform_driver_unregister(&button_irq_driver);
free_class:
	class_unregister(&button_irq_class);
free_devt:
	unregister_chrdev_region(button_irq_devt, BUTTON_IRQ_BUTTONS);
	return ret;
}
module_init(button_irq_init);

static void __exit button_irq_exit(void)
{
	button_irq_remove_params();
	platform_driver_unregister(&button_irq_driver);
	cdev_del(&button_irq_cdev);
	class_unregister(&button_irq_class);
	unregister_chrdev_region(button_irq_devt, BUTTON_IRQ_BUTTONS);
}
module_exit(button_irq_exit);

MODULE_DESCRIPTION("Push buttons on GPIO lines as events that no script loses");
MODULE_AUTHOR("The button_irq developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(BUTTON_IRQ_VERSION);
