// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Locks of every kind, taken on request:
 *
 *	exec 3>/proc/locks_to_take; echo m0 >&3; echo w1 >&3
 *
 * Each write is one word, executed by the writing task, which then holds the lock until it closes
 * the file. A waiting task can be killed, so that everything can be undone.
 *
 *	m0	mutex 0
 *	r0	rwsem 0, for reading
 *	w0	rwsem 0, for writing
 *	c0	clears the owner in the owner word of mutex 0, which the writer holds
 *	g0	cgroup_mutex; this wait cannot be killed
 *	h0	mem_hotplug_lock for reading, by get_online_mems(); nor can this wait
 *	q0	queues a work item that takes and releases mutex 0, in the workqueue that takes
 *		dead cgroups offline, on this CPU
 *	u0	makes that work item stop waiting
 *	o0	makes a task that offlines memory spin before it tries to migrate a page
 *	k0	occupies its CPU as a reader of RCU, until it is killed
 *	y0	waits for a grace period of RCU
 *	p0	waits until a percpu_ref has stopped counting by CPU
 *	s0	becomes a reader of an SRCU domain
 *	x0	waits for a grace period of that domain
 *	j0	runs in the kernel, as no reader of RCU, until it is killed
 *	t0	waits for a grace period of RCU tasks
 *	d0	removes a file of sysfs whose reading takes and releases mutex 0
 *		(/sys/kernel/locks_to_take)
 */
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#define NAME "locks_to_take"
#define LOCKS 64

/* kernel/locking/mutex.h: the rest of an owner word is the owner. */
#define OWNER_FLAGS 7L

static struct mutex mutexes[LOCKS];
static struct rw_semaphore rwsems[LOCKS];

/* Locks that were taken through one open file. */
struct taken {
	bool mutexes[LOCKS];
	bool reading[LOCKS];
	bool writing[LOCKS];
	bool cgroups;
	bool mems;
	bool offlining;
	bool domain;
	int place;
};

static struct mutex *cgroups;
static void (*get_mems)(void);
static void (*put_mems)(void);
static struct workqueue_struct **cgroup_works;

static unsigned int of_work;
static struct task_struct *worker;

/* Finds symbols that are not exported. */
static void find(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long (*lookup)(const char *name);

	if (register_kprobe(&probe))
		return;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	cgroups = (void *)lookup("cgroup_mutex");
	get_mems = (void *)lookup("get_online_mems");
	put_mems = (void *)lookup("put_online_mems");
	/* Since 6.18 there is a workqueue for each step. */
	cgroup_works = (void *)lookup("cgroup_offline_wq");
	if (!cgroup_works)
		cgroup_works = (void *)lookup("cgroup_destroy_wq");
}

static void take_in_work(struct work_struct *work)
{
	allow_signal(SIGKILL);
	WRITE_ONCE(worker, current);
	if (!mutex_lock_killable(&mutexes[of_work]))
		mutex_unlock(&mutexes[of_work]);
	WRITE_ONCE(worker, NULL);
	flush_signals(current);
	disallow_signal(SIGKILL);
}

static DECLARE_WORK(taking, take_in_work);

static int queue_taking(unsigned int at)
{
	if (!cgroup_works)
		find();
	if (!cgroup_works)
		return -ENOENT;
	of_work = at;
	queue_work_on(raw_smp_processor_id(), *cgroup_works, &taking);
	return 0;
}

static int give_up(void)
{
	struct task_struct *task = READ_ONCE(worker);

	if (!task)
		return -ESRCH;
	send_sig(SIGKILL, task, 1);
	flush_work(&taking);
	return 0;
}

static int take_cgroups(struct taken *taken)
{
	if (!cgroups)
		find();
	if (!cgroups || taken->cgroups)
		return -ENOENT;
	mutex_lock(cgroups);
	taken->cgroups = true;
	return 0;
}

static int take_mems(struct taken *taken)
{
	if (!get_mems)
		find();
	if (!get_mems || !put_mems || taken->mems)
		return -ENOENT;
	get_mems();
	taken->mems = true;
	return 0;
}

static bool is_offlining_held;

static int hold_offlining(struct notifier_block *block, unsigned long action, void *memory)
{
	if (action == MEM_GOING_OFFLINE)
		while (READ_ONCE(is_offlining_held) && !fatal_signal_pending(current))
			cond_resched();
	return NOTIFY_OK;
}

static struct notifier_block memory_events = { .notifier_call = hold_offlining };

static int keep_cpu(void)
{
	rcu_read_lock();
	while (!fatal_signal_pending(current))
		cpu_relax();
	rcu_read_unlock();
	return -EINTR;
}

static int run_on(void)
{
	while (!fatal_signal_pending(current))
		cond_resched();
	return -EINTR;
}

DEFINE_STATIC_SRCU(domain);

static int read_domain(struct taken *taken)
{
	if (taken->domain)
		return -EBUSY;
	taken->place = srcu_read_lock(&domain);
	taken->domain = true;
	return 0;
}

static void unused(struct percpu_ref *ref)
{
}

static int switch_ref(void)
{
	struct percpu_ref ref;
	int error = percpu_ref_init(&ref, unused, 0, GFP_KERNEL);

	if (error)
		return error;
	percpu_ref_switch_to_atomic_sync(&ref);
	percpu_ref_exit(&ref);
	return 0;
}

static ssize_t show(struct kobject *object, struct kobj_attribute *attribute, char *to)
{
	int error = mutex_lock_killable(&mutexes[0]);

	if (error)
		return error;
	mutex_unlock(&mutexes[0]);
	return sprintf(to, "\n");
}

static struct kobj_attribute file = __ATTR(mutex, 0400, show, NULL);
static struct kobject *folder;

static int take(struct taken *taken, char what, unsigned int at)
{
	int error = 0;

	switch (what) {
	case 'm':
		error = mutex_lock_killable(&mutexes[at]);
		taken->mutexes[at] = !error;
		break;
	case 'r':
		error = down_read_killable(&rwsems[at]);
		taken->reading[at] = !error;
		break;
	case 'w':
		error = down_write_killable(&rwsems[at]);
		taken->writing[at] = !error;
		break;
	case 'c':
		if (!taken->mutexes[at])
			return -EPERM;
		atomic_long_and(OWNER_FLAGS, &mutexes[at].owner);
		taken->mutexes[at] = false;
		break;
	case 'g':
		error = take_cgroups(taken);
		break;
	case 'h':
		error = take_mems(taken);
		break;
	case 'q':
		error = queue_taking(at);
		break;
	case 'u':
		error = give_up();
		break;
	case 'o':
		WRITE_ONCE(is_offlining_held, true);
		taken->offlining = true;
		break;
	case 'k':
		error = keep_cpu();
		break;
	case 'y':
		synchronize_rcu();
		break;
	case 'p':
		error = switch_ref();
		break;
	case 's':
		error = read_domain(taken);
		break;
	case 'x':
		synchronize_srcu(&domain);
		break;
	case 'j':
		error = run_on();
		break;
	case 't':
		synchronize_rcu_tasks();
		break;
	case 'd':
		sysfs_remove_file(folder, &file.attr);
		error = sysfs_create_file(folder, &file.attr);
		break;
	default:
		error = -EINVAL;
	}
	return error;
}

static ssize_t locks_write(struct file *file, const char __user *from, size_t bytes, loff_t *pos)
{
	char word[16] = "";
	unsigned int at;
	char what;
	int error;

	if (bytes >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, from, bytes))
		return -EFAULT;
	if (sscanf(word, "%c%u", &what, &at) != 2 || at >= LOCKS)
		return -EINVAL;
	error = take(file->private_data, what, at);
	return error ? error : bytes;
}

static int locks_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct taken), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int locks_release(struct inode *inode, struct file *file)
{
	struct taken *taken = file->private_data;
	int at;

	for (at = 0; at < LOCKS; at++) {
		if (taken->mutexes[at])
			mutex_unlock(&mutexes[at]);
		if (taken->reading[at])
			up_read(&rwsems[at]);
		if (taken->writing[at])
			up_write(&rwsems[at]);
	}
	if (taken->offlining)
		WRITE_ONCE(is_offlining_held, false);
	if (taken->domain)
		srcu_read_unlock(&domain, taken->place);
	if (taken->mems)
		put_mems();
	if (taken->cgroups)
		mutex_unlock(cgroups);
	kfree(taken);
	return 0;
}

static const struct proc_ops locks_ops = {
	.proc_open = locks_open,
	.proc_write = locks_write,
	.proc_release = locks_release,
};

static int __init locks_init(void)
{
	int at, error;

	for (at = 0; at < LOCKS; at++) {
		mutex_init(&mutexes[at]);
		init_rwsem(&rwsems[at]);
	}
	error = register_memory_notifier(&memory_events);
	if (error)
		return error;
	error = -ENOMEM;
	folder = kobject_create_and_add(NAME, kernel_kobj);
	if (!folder)
		goto unregister;
	error = sysfs_create_file(folder, &file.attr);
	if (error)
		goto put;
	if (proc_create(NAME, 0200, NULL, &locks_ops))
		return 0;
	error = -ENOMEM;
put:
	kobject_put(folder);
unregister:
	unregister_memory_notifier(&memory_events);
	return error;
}

static void __exit locks_exit(void)
{
	remove_proc_entry(NAME, NULL);
	kobject_put(folder);
	unregister_memory_notifier(&memory_events);
}

module_init(locks_init);
module_exit(locks_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Locks to take");
