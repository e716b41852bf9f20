/*
 * Helpers of the tests of the Raspberry Pi GPIO controllers: pins and their
 * properties, bad wires, and migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qnum.h"
#include "raspi-gpio-utils.h"

void raspi_gpio_set_pin(QTestState *qts, const RaspiGpioPaths *paths,
                        unsigned pin, int level)
{
    qtest_set_irq_in(qts, paths->pins, "pin", pin, level);
}

uint64_t raspi_gpio_get_mask(QTestState *qts, const RaspiGpioPaths *paths,
                             const char *property)
{
    QDict *r = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments':"
                         " {'path': %s, 'property': %s}}", paths->levels,
                         property);
    uint64_t mask;

    g_assert(qdict_haskey(r, "return"));
    mask = qnum_get_uint(qobject_to(QNum, qdict_get(r, "return")));
    qobject_unref(r);
    return mask;
}

void raspi_gpio_assert_bad_wires(const char *machine, const char *option,
                                 const char *format)
{
    /* A comma between wires is written twice in an option's value */
    static const char *const bad[] = {
        "17", "17-", "-17", "17-17", "17-54", "54-17", "a-b", "17-27,,",
        "17-27;5-6", "17--27", "4294967313-27", "17-27x",
    };

    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *value = g_strdup_printf(format, bad[i]);
        const char *argv[] = {
            getenv("QTEST_QEMU_BINARY"), "-machine", machine, "-nodefaults",
            "-display", "none", option, value, NULL
        };
        g_autofree char *message = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                                   G_SPAWN_DEFAULT, NULL, NULL, NULL,
                                   &message, &status, NULL));
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 1);
        g_assert_nonnull(strstr(message, "does not name two pins below 54"));
    }
}

static void raspi_gpio_wait_migrated(QTestState *qts)
{
    for (;;) {
        QDict *r = qtest_qmp_assert_success_ref(
            qts, "{'execute': 'query-migrate'}");
        g_autofree char *status = g_strdup(qdict_get_try_str(r, "status"));

        qobject_unref(r);
        g_assert_cmpstr(status, !=, "failed");
        if (g_str_equal(status ?: "", "completed")) {
            return;
        }
        g_usleep(1000);
    }
}

void raspi_gpio_migrate(QTestState *from, QTestState *to)
{
    g_autofree char *path = NULL;
    g_autofree char *uri = NULL;
    int fd = g_file_open_tmp("raspi-gpio-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    uri = g_strdup_printf("file:%s", path);

    qtest_qmp_assert_success(from, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
    raspi_gpio_wait_migrated(from);
    qtest_qmp_assert_success(to, "{'execute': 'migrate-incoming',"
                             " 'arguments': {'uri': %s}}", uri);
    raspi_gpio_wait_migrated(to);
    unlink(path);
}
