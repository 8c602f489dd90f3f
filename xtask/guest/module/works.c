// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Work items that wait for each other, and a wait that never ends, on request by a word written
 * to /proc/works_to_do:
 *
 *	block0	queues two items in a workqueue that runs one at a time; the first waits for the
 *		second. Workqueue 0 is bound to a CPU, 1 is unbound.
 *	flush0	waits for the second
 *	all0	waits for everything queued there
 *	undo0	removes the second from the queue, so that all waits end
 *	lose0	waits for a completion that nothing completes; this wait can be killed
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#define NAME "works_to_do"
#define PAIRS 2

static struct pair {
	struct workqueue_struct *queue;
	struct work_struct first;
	struct work_struct second;
} pairs[PAIRS];

static DECLARE_COMPLETION(never);

static void works_first(struct work_struct *work)
{
	struct pair *pair = container_of(work, struct pair, first);

	/* It is queued right after this one, which may be running by then. */
	while (!work_pending(&pair->second))
		msleep(1);
	flush_work(&pair->second);
}

static void works_second(struct work_struct *work)
{
}

static DECLARE_WORK(wake, works_second);
static struct workqueue_struct *waking;

static ssize_t works_write(struct file *file, const char __user *from, size_t bytes, loff_t *pos)
{
	char word[16] = "";
	struct pair *pair;
	size_t length;
	int at, cpu;

	if (bytes >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, from, bytes))
		return -EFAULT;
	length = strcspn(word, "0123456789");
	at = word[length] - '0';
	if (at < 0 || at >= PAIRS)
		return -EINVAL;
	word[length] = '\0';
	pair = &pairs[at];
	if (!strcmp(word, "block")) {
		queue_work(pair->queue, &pair->first);
		queue_work(pair->queue, &pair->second);
	} else if (!strcmp(word, "flush")) {
		flush_work(&pair->second);
	} else if (!strcmp(word, "all")) {
		flush_workqueue(pair->queue);
	} else if (!strcmp(word, "undo")) {
		cancel_work_sync(&pair->second);
		/* Work queued behind it is due now, and 5.10 wakes no worker for that. */
		for_each_online_cpu(cpu) {
			schedule_work_on(cpu, &wake);
			flush_work(&wake);
		}
		queue_work(waking, &wake);
	} else if (!strcmp(word, "lose")) {
		if (wait_for_completion_killable(&never))
			return -EINTR;
	} else {
		return -EINVAL;
	}
	return bytes;
}

static const struct proc_ops works_ops = {
	.proc_write = works_write,
};

static int __init works_init(void)
{
	int at;

	for (at = 0; at < PAIRS; at++) {
		INIT_WORK(&pairs[at].first, works_first);
		INIT_WORK(&pairs[at].second, works_second);
	}
	pairs[0].queue = alloc_workqueue("works_of_a_cpu", 0, 1);
	pairs[1].queue = alloc_workqueue("works_of_all", WQ_UNBOUND, 1);
	waking = alloc_workqueue("works_to_wake", WQ_UNBOUND, 0);
	if (!pairs[0].queue || !pairs[1].queue || !waking)
		return -ENOMEM;
	return proc_create(NAME, 0200, NULL, &works_ops) ? 0 : -ENOMEM;
}

static void __exit works_exit(void)
{
	int at;

	remove_proc_entry(NAME, NULL);
	destroy_workqueue(waking);
	for (at = 0; at < PAIRS; at++)
		destroy_workqueue(pairs[at].queue);
}

module_init(works_init);
module_exit(works_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Work items that wait for each other");
