/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: an edge as the top half records it, an event as the thread publishes it
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM button_irq

#if !defined(BUTTON_IRQ_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BUTTON_IRQ_TRACE_H

#include <linux/tracepoint.h>

#include "button_irq.h"
#include "button_irq_debounce.h"

TRACE_DEFINE_ENUM(BUTTON_IRQ_LEVEL_UNKNOWN);
TRACE_DEFINE_ENUM(BUTTON_IRQ_LEVEL_RELEASED);
TRACE_DEFINE_ENUM(BUTTON_IRQ_LEVEL_PRESSED);

/* Called in hard IRQ; for nested interrupts, in the thread of the controller. */
TRACE_EVENT(button_irq_edge,
	    TP_PROTO(unsigned int minor, u64 time, enum button_irq_level level),
	    TP_ARGS(minor, time, level),
	    TP_STRUCT__entry(__field(u64, time)
			     __field(unsigned int, minor)
			     __field(int, level)),
	    TP_fast_assign(__entry->time = time;
			   __entry->minor = minor;
			   __entry->level = level;),
	    TP_printk("minor=%u time=%llu level=%s", __entry->minor, __entry->time,
		      __print_symbolic(__entry->level,
				       { BUTTON_IRQ_LEVEL_UNKNOWN, "unknown" },
				       { BUTTON_IRQ_LEVEL_RELEASED, "released" },
				       { BUTTON_IRQ_LEVEL_PRESSED, "pressed" }))
);

/* Called with thread.lock held: by the thread, its work item, a write to sysfs, or unbinding. */
TRACE_EVENT(button_irq_event,
	    TP_PROTO(unsigned int minor, u64 seq, const struct button_irq_report *report),
	    TP_ARGS(minor, seq, report),
	    TP_STRUCT__entry(__field(u64, seq)
			     __field(u64, time)
			     __field(u64, held)
			     __field(unsigned int, minor)
			     __field(u32, type)
			     __field(u32, count)),
	    TP_fast_assign(__entry->seq = seq;
			   __entry->time = report->time;
			   __entry->held = report->held;
			   __entry->minor = minor;
			   __entry->type = report->type;
			   __entry->count = report->count;),
	    TP_printk("minor=%u seq=%llu time=%llu type=%s held=%llu count=%u", __entry->minor,
		      __entry->seq, __entry->time,
		      __print_symbolic(__entry->type,
				       { BUTTON_IRQ_PRESS, "press" },
				       { BUTTON_IRQ_RELEASE, "release" },
				       { BUTTON_IRQ_MISSED, "missed" }),
		      __entry->held, __entry->count)
);

#endif /* BUTTON_IRQ_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE button_irq_trace
#include <trace/define_trace.h>
