// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Shrinkers on request: writing a name to /proc/shrinkers_to_have registers the shrinker, or
 * refills its cache; with a minus sign before the name, it is unregistered. None is memcg-aware.
 *
 *	nothing	counts many objects, is scanned for them, and frees none
 *	all	frees what it is asked for
 *	more	a small cache, of which a quarter is scanned whatever was asked for
 *	share	a small cache, scanned as asked
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define NAME "shrinkers_to_have"
#define MANY 50000
#define FEW 8192
/* Times that a small cache is refilled, so that a loop that frees until nothing is left ends. */
#define AGAIN 256

static atomic_long_t all_left, more_left, share_left;

static unsigned long nothing_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return MANY;
}

static unsigned long nothing_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	return 0;
}

static unsigned long all_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return max(atomic_long_read(&all_left), 0L);
}

static unsigned long all_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	if (atomic_long_sub_return(control->nr_to_scan, &all_left) < 0)
		return SHRINK_STOP;
	return control->nr_to_scan;
}

static unsigned long few(atomic_long_t *left)
{
	return clamp(atomic_long_read(left), 0L, (long)FEW);
}

static unsigned long more_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return few(&more_left);
}

static unsigned long more_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	control->nr_scanned = FEW / 4;
	atomic_long_sub(control->nr_scanned, &more_left);
	return control->nr_scanned;
}

static unsigned long share_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return few(&share_left);
}

static unsigned long share_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	atomic_long_sub(control->nr_to_scan, &share_left);
	return control->nr_to_scan;
}

static struct way {
	const char *name;
	unsigned long (*count)(struct shrinker *, struct shrink_control *);
	unsigned long (*scan)(struct shrinker *, struct shrink_control *);
	long batch;
	atomic_long_t *left;
	long objects;
	struct shrinker *shrinker;
} ways[] = {
	{ "nothing", nothing_count, nothing_scan },
	{ "all", all_count, all_scan, 0, &all_left, MANY },
	/* Little of a small cache is due at a time, and that is asked for nevertheless. */
	{ "more", more_count, more_scan, 1, &more_left, FEW * AGAIN },
	{ "share", share_count, share_scan, 1, &share_left, FEW * AGAIN },
};

static DEFINE_MUTEX(lock);

/* Since 6.7 the kernel allocates shrinkers. */
#ifdef SHRINKER_ALLOCATED
static struct shrinker *new(void)
{
	return shrinker_alloc(0, NAME);
}

static int begin(struct shrinker *shrinker)
{
	shrinker_register(shrinker);
	return 0;
}

static void end(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker *new(void)
{
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

static int begin(struct shrinker *shrinker)
{
	/* It took no name until 6.0; there, the additional argument does no harm. */
	int (*with_name)(struct shrinker *, const char *, ...) = (void *)register_shrinker;

	return with_name(shrinker, NAME);
}

static void end(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

static int have(struct way *way)
{
	int error;

	if (way->left)
		atomic_long_set(way->left, way->objects);
	if (way->shrinker)
		return 0;
	way->shrinker = new();
	if (!way->shrinker)
		return -ENOMEM;
	way->shrinker->count_objects = way->count;
	way->shrinker->scan_objects = way->scan;
	way->shrinker->seeks = DEFAULT_SEEKS;
	way->shrinker->batch = way->batch;
	error = begin(way->shrinker);
	if (error)
		way->shrinker = NULL;
	return error;
}

static void have_no_more(struct way *way)
{
	if (way->shrinker)
		end(way->shrinker);
	way->shrinker = NULL;
}

static ssize_t shrinkers_write(struct file *file, const char __user *from, size_t bytes,
			       loff_t *pos)
{
	char text[16] = "";
	char *word;
	int at, error = -EINVAL;

	if (bytes >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, bytes))
		return -EFAULT;
	word = strim(text);
	mutex_lock(&lock);
	for (at = 0; at < ARRAY_SIZE(ways); at++) {
		if (!strcmp(ways[at].name, word)) {
			error = have(&ways[at]);
		} else if (word[0] == '-' && !strcmp(ways[at].name, word + 1)) {
			have_no_more(&ways[at]);
			error = 0;
		}
	}
	mutex_unlock(&lock);
	return error ? error : bytes;
}

static const struct proc_ops shrinkers_ops = {
	.proc_write = shrinkers_write,
};

static int __init shrinkers_init(void)
{
	return proc_create(NAME, 0200, NULL, &shrinkers_ops) ? 0 : -ENOMEM;
}

static void __exit shrinkers_exit(void)
{
	int at;

	remove_proc_entry(NAME, NULL);
	for (at = 0; at < ARRAY_SIZE(ways); at++)
		have_no_more(&ways[at]);
}

module_init(shrinkers_init);
module_exit(shrinkers_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Shrinkers to have");
