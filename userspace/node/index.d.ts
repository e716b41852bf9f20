// SPDX-License-Identifier: GPL-2.0-only
/// <reference types="node" />
import { EventEmitter } from "node:events";

export type Gesture = "click" | "double" | "hold" | "repeat";
export type EventName = "press" | "release" | "lost" | "missed" | "state" | "absent" | Gesture;

interface Common {
	/** The button's label, or the name it was asked for while it is absent */
	button: string;
	/** The button's device node, such as "/dev/button_irq"; missing if the button was never there */
	device?: string;
	/** Number of the event; for a gesture, of the event that the gesture belongs to */
	seq: number;
}

interface Timed {
	clock: "monotonic";
	/** Seconds on CLOCK_MONOTONIC at which the contact moved */
	time: number;
	/** Nanoseconds on CLOCK_MONOTONIC, comparable with process.hrtime.bigint(). Not enumerable, so JSON leaves it out */
	readonly time_ns: bigint;
	readonly monotonic_ns: bigint;
	/** Nanoseconds since 1970. Not enumerable */
	readonly realtime_ns?: bigint;
	/** The same in milliseconds */
	date?: Date;
}

interface Held {
	/** For how many seconds the button was pressed; missing at a gesture whose press took no time */
	held: number;
	/** In nanoseconds. Not enumerable */
	readonly held_ns: bigint;
}

export interface PressEvent extends Common, Timed {
	event: "press";
	/** Edges debounced away since the event before */
	bounces: number;
}

export interface ReleaseEvent extends Common, Timed, Held {
	event: "release";
	bounces: number;
}

export interface GestureEvent extends Common, Timed, Partial<Held> {
	event: Gesture;
}

/** Events that were overwritten before they were read (lost), or edges that could not be recorded (missed) */
export interface GapEvent extends Common, Timed {
	event: "lost" | "missed";
	count: number;
}

/** The state when the button is opened; its time is that of the last change, if that is known */
export interface StateEvent extends Common, Partial<Timed> {
	event: "state";
	state: "pressed" | "released";
}

/** With the option follow: the button does not exist, or cannot be opened */
export interface AbsentEvent extends Common {
	event: "absent";
	reason: "missing" | "permission" | "not-a-button" | "error";
}

export type ButtonEvent = PressEvent | ReleaseEvent | GestureEvent | GapEvent | StateEvent | AbsentEvent;

export interface Options {
	/** The events of the iterator, and the gestures to recognise: press, release, click, double, hold, lost, missed */
	events?: EventName[];
	/** The shortest hold, in milliseconds: 1000 */
	holdTime?: number;
	/** The longest pause within a double click, in milliseconds: 400 */
	doubleTime?: number;
	/** Time between repeats after the hold, in milliseconds, from 10: 250 */
	repeatTime?: number;
	/** Wait for a button that is absent, and for one that goes away to come back: false */
	follow?: boolean;
	/** Begin with the events that the driver still keeps: false */
	history?: boolean;
	/** Ends the loop and the command when it is aborted */
	signal?: AbortSignal;
	/** The command: "button-irq" */
	command?: string;
}

interface Listeners {
	press: [PressEvent];
	release: [ReleaseEvent];
	click: [GestureEvent];
	double: [GestureEvent];
	hold: [GestureEvent];
	repeat: [GestureEvent];
	lost: [GapEvent];
	missed: [GapEvent];
	state: [StateEvent];
	absent: [AbsentEvent];
	/** Without a loop and without a listener for it, an error is an exception that ends the program, as with every EventEmitter */
	error: [ButtonError];
	close: [];
}

export declare class ButtonError extends Error {
	/** "ENODEV": the button is gone, or does not exist; "ENOENT": there is no command; "ERR_BUTTON_IRQ": another failure */
	code: string;
	exitCode?: number | null;
	signal?: NodeJS.Signals | null;
	cause?: unknown;
}

export declare class Button extends EventEmitter implements AsyncIterable<ButtonEvent> {
	private constructor();
	/** The state of one button; undefined while the state is not known, and for several buttons */
	readonly state: "pressed" | "released" | "absent" | undefined;
	/** The command's process */
	readonly pid: number | undefined;
	/** Ends all loops and the command; resolves when the command has ended */
	close(): Promise<void>;
	unref(): this;
	ref(): this;
	[Symbol.asyncIterator](): AsyncIterableIterator<ButtonEvent>;
	on<K extends keyof Listeners>(name: K, listener: (...args: Listeners[K]) => void): this;
	once<K extends keyof Listeners>(name: K, listener: (...args: Listeners[K]) => void): this;
	off<K extends keyof Listeners>(name: K, listener: (...args: Listeners[K]) => void): this;
	addListener<K extends keyof Listeners>(name: K, listener: (...args: Listeners[K]) => void): this;
	removeListener<K extends keyof Listeners>(name: K, listener: (...args: Listeners[K]) => void): this;
}

/** A button, by its label, node or path; several by an array of these; without a name the first one. */
export declare function button(name?: string | readonly string[], options?: Options): Button;
export declare function button(options: Options): Button;

export interface ButtonInfo {
	node: string;
	label: string;
	line: string;
	state: "pressed" | "released";
	/** Counters and settings, as in sysfs */
	[name: string]: string | number;
}

/** Lists the existing buttons */
export declare function buttons(options?: { command?: string; signal?: AbortSignal }): Promise<ButtonInfo[]>;
