/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buttons that module parameters describe, for machines without a device tree
 *
 * A driver in the kernel tree would take buttons from firmware only, and would not need this file.
 *
 * Not a header for general use: a chapter of button_irq.c, which includes this file once. The
 * driver calls:
 *
 *	button_irq_parse_params()	check every value
 *	button_irq_add_params()		make a platform device for each button
 *	button_irq_remove_params()	remove those devices
 *	button_irq_param_of()		the parameters of a device
 *	button_irq_get_line()		the GPIO line of a device
 *	button_irq_error(), button_irq_line_error()
 *					the log line for a failure, by parameter or by device
 *	button_irq_warn_of_rp1()	the log line for a controller with faults
 */

#include <linux/gpio/machine.h>
#include <linux/pinctrl/pinconf-generic.h>
#include <linux/regmap.h>

/* --- GPIO controllers ------------------------------------------------------------------ */

/* A search for the GPIO controllers that match every criterion given. */
struct button_irq_search {
	/* In: criteria; NULL matches any */
	const char *label;			/* the controller's label */
	const char *device;			/* the controller's character device */
	const struct fwnode_handle *fwnode;	/* the controller's firmware node */
	const char *line;			/* a line's name; used without the above */
	/* In: an offset that the controller must have; out: the offset of the line @line */
	unsigned int offset;
	/* Out: the number of matches; the fields below describe the first match, @list all */
	unsigned int n;
	char chip[BUTTON_IRQ_LINE];		/* @device, or the controller's label */
	unsigned int base;			/* global number of the controller's first line */
	struct gpio_desc *gpiod;		/* the line, not requested */
	char user[32];				/* the user of the line, "" if unknown */
	struct device *parent;			/* set if @device is; the caller puts it */
	char list[128];				/* every match as DEVICE:OFFSET */
};

/* Record a match. Must not sleep: called under a spinlock before 6.7. */
static __cold void button_irq_matched(struct button_irq_search *s, struct gpio_chip *gc,
				      unsigned int offset, const char *device)
{
	size_t len = strlen(s->list);

	scnprintf(s->list + len, sizeof(s->list) - len, "%s%s:%u", s->n ? ", " : "", device,
		  offset);
	if (s->n++)
		return;
	s->offset = offset;
	strscpy(s->chip, s->device ?: gc->label, sizeof(s->chip));
	s->base = gc->base;
	button_irq_line_user(gc, offset, s->user, sizeof(s->user));
	if (s->device)
		s->parent = get_device(gc->parent);
}

static __cold int button_irq_match_chip(struct gpio_chip *gc, BUTTON_IRQ_MATCH_CONST void *data)
{
	struct button_irq_search *s = (struct button_irq_search *)data;
	char device[16];

	button_irq_chip_name(gc, device, sizeof(device));
	if (gc->label && s->offset < gc->ngpio &&
	    (!s->label || !strcmp(gc->label, s->label)) &&
	    (!s->device || !strcmp(device, s->device)) &&
	    (!s->fwnode || button_irq_chip_fwnode(gc) == s->fwnode))
		button_irq_matched(s, gc, s->offset, device);
	return 0;
}

/* Match the line that the controller's driver or firmware calls @line. */
static int __init button_irq_match_name(struct gpio_chip *gc, BUTTON_IRQ_MATCH_CONST void *data)
{
	struct button_irq_search *s = (struct button_irq_search *)data;
	struct fwnode_handle *fwnode = button_irq_chip_fwnode(gc);
	int n = fwnode_property_string_array_count(fwnode, "gpio-line-names");
	const char **names = n > 0 ? kcalloc(n, sizeof(*names), GFP_ATOMIC) : NULL;
	char device[16];
	int i;

	n = names ? fwnode_property_read_string_array(fwnode, "gpio-line-names", names, n) : 0;
	for (i = 0; gc->label && i < gc->ngpio; i++) {
		/* A line without a name is NULL or "". */
		if ((gc->names && gc->names[i] && !strcmp(gc->names[i], s->line)) ||
		    (i < n && names[i] && !strcmp(names[i], s->line))) {
			button_irq_chip_name(gc, device, sizeof(device));
			button_irq_matched(s, gc, i, device);
			break;
		}
	}
	kfree(names);
	return 0;
}

/* Returns whether a controller matches. */
static bool button_irq_find(struct button_irq_search *s, button_irq_match_fn match)
{
	button_irq_find_chip(s, match);
	/* Not in the callback: before 6.9, gpio_to_desc() takes the lock that the search holds. */
	s->gpiod = s->n ? gpio_to_desc(s->base + s->offset) : NULL;
	return s->n;
}

/* --- Buttons of module parameters: line and errors ------------------------------------- */

enum { BUTTON_IRQ_UP, BUTTON_IRQ_DOWN, BUTTON_IRQ_OFF, BUTTON_IRQ_AS_IS };

static const char * const button_irq_pulls[] = { "up", "down", "off", "as-is" };

#define BUTTON_IRQ_PARAMS	32	/* buttons given by module parameters */

/* A button given by module parameters; its device's platform data points here. */
struct button_irq_param {
	const char *name;	/* the parameter that names the line: "gpio" or "line" */
	const char *text;	/* the parameter's value */
	struct button_irq_config config;
	u32 pull;		/* index of button_irq_pulls */
	u32 active_low;		/* pressed is low */
	u32 claim;		/* take the pin from another function */
	bool by_name;		/* gpiolib looks the line up by its name */
	bool by_device;		/* @chip is a character device's name, not a label */
	char chip[BUTTON_IRQ_LINE];
	unsigned int offset;	/* the line's offset in @chip */
	int error;		/* result of the probe */
	struct platform_device *pdev;
};

#define BUTTON_IRQ_NO_LINE "no such GPIO line (spellings: gpio=17 on a Raspberry Pi, line=NAME, line=CHIPLABEL:OFFSET; gpioinfo lists them)"

/*
 * Log one line per failure, with parameter and value. The value is truncated, because printk
 * would drop the end of a line that does not fit its buffer.
 */
#define button_irq_param_error(name, text, error, fmt, ...)				\
({											\
	pr_err("%s=%.200s: " fmt "\n", name, text, ##__VA_ARGS__);			\
	error;										\
})

/* Returns NULL for a button in the device tree. */
static struct button_irq_param *button_irq_param_of(struct device *dev)
{
	struct button_irq_param **data = dev_get_platdata(dev);

	return data ? *data : NULL;
}

/*
 * Log why a button cannot be set up, by parameter or, for a button in the device tree, by
 * device. Returns @error; for a parameter, -ENODEV in place of -EPROBE_DEFER.
 */
static __cold int button_irq_error(struct device *dev, int error, const char *what)
{
	struct button_irq_param *param = button_irq_param_of(dev);

	if (!param)
		return dev_err_probe(dev, error, "%s\n", what);
	/* insmod cannot wait for a controller that is bound later. */
	if (error == -EPROBE_DEFER)
		error = -ENODEV;
	if (error == -EBUSY || error == -ENODEV)
		return button_irq_param_error(param->name, param->text, error, "%s", what);
	return button_irq_param_error(param->name, param->text, error, "%s: error %d", what, error);
}

/* Log why the line cannot be requested. */
static __cold int button_irq_line_error(struct device *dev, struct button_irq_param *param,
					int error)
{
	struct fwnode_reference_args args = { };
	struct button_irq_search s = { };
	char why[128];

	if (param && (error == -ENODEV || error == -EPROBE_DEFER || error == -ENOENT))
		return button_irq_error(dev, -ENODEV, BUTTON_IRQ_NO_LINE);
	if (param) {
		s.label = param->by_device ? NULL : param->chip;
		s.device = param->by_device ? param->chip : NULL;
		s.offset = param->offset;
	} else if (!fwnode_property_get_reference_args(dev_fwnode(dev), "gpios", "#gpio-cells", 0,
						       0, &args)) {
		s.fwnode = args.fwnode;
		s.offset = args.args[0];
	}
	if (error == -EBUSY && (param || s.fwnode))
		button_irq_find(&s, button_irq_match_chip);
	fwnode_handle_put(args.fwnode);
	put_device(s.parent);
	snprintf(why, sizeof(why), "%s%s%s%s", param ? "" : "gpios: ",
		 error == -EBUSY ? "the line is in use" : "cannot get the line",
		 *s.user ? " by " : "", s.user);
	return button_irq_error(dev, error, why);
}

/*
 * Mainline's pinctrl-rp1, up to 7.2 at least, can hang the machine (doc/upstream has patches). Of
 * the two drivers for RP1, mainline's and the Raspberry Pi kernel's, only mainline's has a regmap.
 */
static void button_irq_warn_of_rp1(struct device *dev, struct gpio_desc *gpiod)
{
	struct device *chip = button_irq_line_parent(gpiod);

	if (IS_ERR_OR_NULL(chip) || !dev_get_regmap(chip, "rp1-gpio"))
		return;
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		dev_warn(dev, "pinctrl-rp1 takes sleeping locks in hard IRQ: on PREEMPT_RT, the first edge may lock this machine up\n");
	if (button_irq_line_offset(gpiod) > 27)
		dev_warn(dev, "pinctrl-rp1 delivers no interrupt of GPIO28 to 53: an edge may stop a CPU\n");
}

static void button_irq_free_own_line(void *gpiod)
{
	gpiochip_free_own_desc(gpiod);
}

/* Request a line by its chip's device: gpiolib looks chips up by label, which two may share. */
static __cold struct gpio_desc *
button_irq_get_own_line(struct device *dev, struct button_irq_param *param)
{
	struct button_irq_search s = { .device = param->chip, .offset = param->offset };
	struct gpio_desc *gpiod = ERR_PTR(-ENODEV);
	int ret;

	/* The link keeps the chip bound while its line is requested. */
	if (button_irq_find(&s, button_irq_match_chip) && !button_irq_link(dev, s.parent, NULL))
		gpiod = gpiochip_request_own_desc(gpiod_to_chip(s.gpiod), s.offset,
						  BUTTON_IRQ_NAME,
						  param->active_low ? GPIO_ACTIVE_LOW :
								      GPIO_ACTIVE_HIGH, GPIOD_IN);
	put_device(s.parent);
	if (IS_ERR(gpiod))
		return gpiod;
	ret = devm_add_action_or_reset(dev, button_irq_free_own_line, gpiod);
	return ret ? ERR_PTR(ret) : gpiod;
}

/* Request a line by name or by controller, through gpiolib's lookup. */
static struct gpio_desc *
button_irq_lookup_line(struct device *dev, struct button_irq_param *param)
{
	struct gpiod_lookup_table *table;
	struct gpio_desc *gpiod;

	table = kzalloc(struct_size(table, table, 2), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->dev_id = dev_name(dev);
	table->table[0] = (struct gpiod_lookup){
		.key = param->by_name ? param->text : param->chip,
		.chip_hwnum = param->by_name ? U16_MAX : param->offset,
		.flags = param->active_low ? GPIO_ACTIVE_LOW : GPIO_ACTIVE_HIGH,
	};
	gpiod_add_lookup_table(table);
	gpiod = devm_gpiod_get(dev, NULL, GPIOD_IN);
	gpiod_remove_lookup_table(table);
	kfree(table);
	return gpiod;
}

static struct gpio_desc *button_irq_get_line(struct device *dev, struct button_irq_param *param,
					     struct button_irq_config *config)
{
	static const unsigned long biases[] = {
		PIN_CONF_PACKED(PIN_CONFIG_BIAS_PULL_UP, 1),
		PIN_CONF_PACKED(PIN_CONFIG_BIAS_PULL_DOWN, 1),
		PIN_CONF_PACKED(PIN_CONFIG_BIAS_DISABLE, 0),
	};
	struct gpio_desc *gpiod;

	if (!param)
		return devm_gpiod_get(dev, NULL, GPIOD_IN);
	gpiod = param->by_device ? button_irq_get_own_line(dev, param) :
				   button_irq_lookup_line(dev, param);
	if (IS_ERR(gpiod) || param->pull == BUTTON_IRQ_AS_IS)
		return gpiod;
	if (gpiod_set_config(gpiod, biases[param->pull]))
		config->note = devm_kasprintf(dev, GFP_KERNEL,
					      ", the controller cannot set pull=%s",
					      button_irq_pulls[param->pull]);
	/* A pull of 50 kOhm moves a few hundred pF of wire in some 10 us. */
	usleep_range(100, 200);
	return gpiod;
}

/* --- Module parameters: buttons without a device tree ---------------------------------- */

/*
 * The values of one parameter. They are strings, so that an error message can quote them. A
 * missing or empty value means the default; a single value applies to every line.
 */
struct button_irq_list {
	const char *name;
	unsigned int n;
	char *value[BUTTON_IRQ_PARAMS];
};

#define BUTTON_IRQ_LIST(param)								\
static struct button_irq_list button_irq_list_##param = { .name = #param };		\
module_param_array_named(param, button_irq_list_##param.value, charp,			\
			 &button_irq_list_##param.n, 0444)

BUTTON_IRQ_LIST(gpio);
MODULE_PARM_DESC(gpio, "Lines by their number on a Raspberry Pi's header");
BUTTON_IRQ_LIST(line);
MODULE_PARM_DESC(line, "Lines by name, as CHIPLABEL:OFFSET, or as gpiochipN:OFFSET");
BUTTON_IRQ_LIST(active_low);
MODULE_PARM_DESC(active_low, "1: pressed is low (default), 0: pressed is high");
BUTTON_IRQ_LIST(pull);
MODULE_PARM_DESC(pull, "Bias: up, down, off, as-is (default: towards released)");
BUTTON_IRQ_LIST(debounce_us);
MODULE_PARM_DESC(debounce_us, "Debounce time in microseconds, 0 to 1000000 (default 10000)");
BUTTON_IRQ_LIST(debounce_mode);
MODULE_PARM_DESC(debounce_mode, "eager (default) or settle");
BUTTON_IRQ_LIST(storm_rate);
MODULE_PARM_DESC(storm_rate,
		 "Edges per second beyond which the line is masked, 0 to 1000000 (default 2000, 0: never)");
BUTTON_IRQ_LIST(label);
MODULE_PARM_DESC(label,
		 "What to call the button (default: gpioN on a Raspberry Pi's header, else its node's name)");
BUTTON_IRQ_LIST(keycode);
MODULE_PARM_DESC(keycode, "Code of the key that the button is as well (default 0: none)");
BUTTON_IRQ_LIST(claim);
MODULE_PARM_DESC(claim, "1: take the pin even if another function, such as I2C, has it (default 0)");

static struct button_irq_param button_irq_params[BUTTON_IRQ_PARAMS];
static unsigned int button_irq_n_params;

/* Returns "" if the value is missing or empty. */
static const char * __init button_irq_value(const struct button_irq_list *list, unsigned int i)
{
	if (list->n == 1)
		return list->value[0];
	return i < list->n ? list->value[i] : "";
}

/* Parse a number up to @max. Without a value, *@value keeps the default. */
static int __init button_irq_number(const struct button_irq_list *list, unsigned int i, u32 max,
				    u32 *value)
{
	const char *text = button_irq_value(list, i);
	u32 number;

	if (!*text)
		return 0;
	if (kstrtou32(text, 10, &number) || number > max)
		return button_irq_param_error(list->name, text, -EINVAL,
					      "not a number from 0 to %u", max);
	*value = number;
	return 0;
}

/* Parse one of @words: sets *@value to its index. Without a value, *@value keeps the default. */
static int __init button_irq_word(const struct button_irq_list *list, unsigned int i,
				  const char * const *words, unsigned int n, u32 *value,
				  const char *why)
{
	const char *text = button_irq_value(list, i);
	int word = match_string(words, n, text);

	if (word < 0 && *text)
		return button_irq_param_error(list->name, text, -EINVAL, "%s", why);
	if (word >= 0)
		*value = word;
	return 0;
}

static int __init button_irq_parse_param(unsigned int i, struct button_irq_param *param)
{
	const char *label = button_irq_value(&button_irq_list_label, i);
	struct button_irq_config *config = &param->config;
	int ret;

	*config = button_irq_defaults;
	param->active_low = 1;
	ret = button_irq_number(&button_irq_list_active_low, i, 1, &param->active_low);
	ret = ret ?: button_irq_number(&button_irq_list_claim, i, 1, &param->claim);
	ret = ret ?: button_irq_number(&button_irq_list_debounce_us, i,
				       BUTTON_IRQ_DEBOUNCE_US_MAX, &config->debounce_us);
	ret = ret ?: button_irq_number(&button_irq_list_storm_rate, i, BUTTON_IRQ_STORM_RATE_MAX,
				       &config->storm_rate);
	ret = ret ?: button_irq_number(&button_irq_list_keycode, i, KEY_MAX, &config->code);
	ret = ret ?: button_irq_word(&button_irq_list_debounce_mode, i, button_irq_modes,
				     ARRAY_SIZE(button_irq_modes), &config->debounce_mode,
				     "neither eager nor settle");
	/* The default pull is towards the released level. */
	param->pull = param->active_low ? BUTTON_IRQ_UP : BUTTON_IRQ_DOWN;
	ret = ret ?: button_irq_word(&button_irq_list_pull, i, button_irq_pulls,
				     ARRAY_SIZE(button_irq_pulls), &param->pull,
				     "none of up, down, off, as-is");
	if (ret)
		return ret;
	if (param->pull == (param->active_low ? BUTTON_IRQ_DOWN : BUTTON_IRQ_UP))
		pr_warn("%s=%s: pull=%s with active_low=%u holds the button pressed\n",
			param->name, param->text, button_irq_pulls[param->pull],
			param->active_low);
	if (*label && !button_irq_label_valid(label))
		return button_irq_param_error("label", label, -EINVAL, BUTTON_IRQ_LABEL_RULE);
	config->label = *label ? label : NULL;
	return 0;
}

static int __init button_irq_parse_list(const struct button_irq_list *list)
{
	struct button_irq_param *param;
	unsigned int i;
	int ret;

	for (i = 0; i < list->n; i++) {
		if (!*list->value[i])
			return button_irq_param_error(list->name, "", -EINVAL, "a line is missing");
		if (button_irq_n_params == BUTTON_IRQ_PARAMS)
			return button_irq_param_error(list->name, list->value[i], -EINVAL,
						      "over 32 lines");
		param = &button_irq_params[button_irq_n_params];
		param->name = list->name;
		param->text = list->value[i];
		ret = button_irq_parse_param(button_irq_n_params++, param);
		if (ret)
			return ret;
	}
	return 0;
}

/* Check every value, before any line is requested. */
static int __init button_irq_parse_params(void)
{
	static const struct button_irq_list * const lists[] = {
		&button_irq_list_active_low, &button_irq_list_pull, &button_irq_list_debounce_us,
		&button_irq_list_debounce_mode, &button_irq_list_storm_rate,
		&button_irq_list_label, &button_irq_list_keycode, &button_irq_list_claim,
	};
	unsigned int i;
	int ret;

	ret = button_irq_parse_list(&button_irq_list_gpio);
	ret = ret ?: button_irq_parse_list(&button_irq_list_line);
	for (i = 0; !ret && i < ARRAY_SIZE(lists); i++)
		if (lists[i]->n > button_irq_n_params)
			ret = button_irq_param_error(lists[i]->name,
						     lists[i]->value[button_irq_n_params],
						     -EINVAL, "more values than lines");
	return ret;
}

/*
 * Refuse a pin that is muxed to another function, such as I2C or a UART: making the pin an
 * input would cut that function off. Such a pin has no direction, so gpiod_get_direction()
 * returns -EINVAL. Not checked: controllers that sleep, since only controllers in the SoC
 * multiplex pins; and RP1, whose unused pins have no direction either.
 */
static int __init button_irq_check_function(const struct button_irq_param *param,
					    const struct button_irq_search *s)
{
	if (*s->user || !strcmp(s->chip, "pinctrl-rp1") || !s->gpiod || gpiod_cansleep(s->gpiod) ||
	    gpiod_get_direction(s->gpiod) != -EINVAL)
		return 0;
	if (!param->claim)
		return button_irq_param_error(param->name, param->text, -EBUSY,
					      "the pin has another function, such as I2C, SPI or a UART (claim=1 takes it all the same)");
	pr_warn("%s=%s: takes the pin from another function, which is not given back\n",
		param->name, param->text);
	return 0;
}

/*
 * Find the line that the parameter names. The probe requests the line through gpiolib; the search
 * here decides between name and CHIPLABEL:OFFSET, checks the pin's function, and gives precise
 * errors.
 */
static int __init button_irq_resolve(struct button_irq_param *param)
{
	const char *colon = strrchr(param->text, ':');
	struct button_irq_search s = { };
	char label[BUTTON_IRQ_LINE];
	unsigned int i, offset;

	if (param->name == button_irq_list_gpio.name) {
		if (kstrtouint(param->text, 10, &offset) || offset >= U16_MAX)
			return button_irq_param_error(param->name, param->text, -EINVAL,
						      "not the number of a line");
		s.offset = offset;
		for (i = 0; !s.n && i < ARRAY_SIZE(button_irq_header_chips); i++) {
			s.label = button_irq_header_chips[i];
			button_irq_find(&s, button_irq_match_chip);
		}
	} else {
		s.line = param->text;
		param->by_name = button_irq_find(&s, button_irq_match_name);
		if (!s.n && colon && colon - param->text < sizeof(label) &&
		    !kstrtouint(colon + 1, 10, &offset) && offset < U16_MAX) {
			strscpy(label, param->text, colon - param->text + 1);
			s = (struct button_irq_search){ .label = label, .offset = offset };
			if (!button_irq_find(&s, button_irq_match_chip) && *label) {
				s.device = label;
				s.label = NULL;
				param->by_device = button_irq_find(&s, button_irq_match_chip);
				put_device(s.parent);
			}
			if (s.n > 1)
				return button_irq_param_error(param->name, param->text, -EINVAL,
							      "more than one chip has this label: say which of line=%s",
							      s.list);
		}
	}
	if (!s.n)
		return button_irq_param_error(param->name, param->text, -ENODEV,
					      BUTTON_IRQ_NO_LINE);
	strscpy(param->chip, s.chip, sizeof(param->chip));
	param->offset = s.offset;
	return button_irq_check_function(param, &s);
}

static int __init button_irq_add_param(struct button_irq_param *param, unsigned int id)
{
	struct platform_device_info info = {
		.name = BUTTON_IRQ_NAME,
		.id = id,
		.data = &param,
		.size_data = sizeof(param),
	};
	struct platform_device *pdev;
	int ret;

	ret = button_irq_resolve(param);
	if (ret)
		return ret;
	/* The result if the device is not probed at all; the probe overwrites it. */
	param->error = -ENODEV;
	pdev = platform_device_register_full(&info);
	if (IS_ERR(pdev))
		return button_irq_param_error(param->name, param->text, PTR_ERR(pdev),
					      "cannot make a device");
	param->pdev = pdev;
	return param->error;
}

/* Add a device for each button. On failure, the caller removes the devices added so far. */
static int __init button_irq_add_params(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < button_irq_n_params; i++)
		ret = button_irq_add_param(&button_irq_params[i], i);
	return ret;
}

static __cold void button_irq_remove_params(void)
{
	while (button_irq_n_params)
		platform_device_unregister(button_irq_params[--button_irq_n_params].pdev);
}
