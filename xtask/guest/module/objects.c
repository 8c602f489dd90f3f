// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Slab objects, allocated and freed in each possible way on request:
 *
 *	echo bulk >/proc/objects_to_have; echo -bulk >/proc/objects_to_have
 *
 * Each way has at most COUNT objects, or BULK for all at once, of which more than 32 are in one
 * slab. They are charged to the task that writes the name of the way. A read returns a line for
 * each cache: its name, and the stride of the owners in a slab, on kernels that have one.
 *
 *	one	kmem_cache_alloc(), one after the other
 *	bulk	kmem_cache_alloc_bulk(), all at once
 *	vector	as one; the owners are in a separate vector
 *	spare	as one; the owners are in the space of the slab that its objects leave
 *	within	as one; each owner is in the padding of its object
 *	kmalloc	kmalloc()
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define NAME "objects_to_have"
#define COUNT 30
#define BULK 100
/* Offset of slab.stride, if there is one (mm/slab.h): behind the counters. */
#define STRIDE 44

/*
 * With a constructor a cache is merged with no other, and the pointer to the next free object is
 * behind the object. In a slab of 4096 << n bytes, objects whose size is a power of two leave no
 * space, and others leave some.
 */
static struct way {
	const char *name;
	const char *cache_name;
	unsigned int bytes;
	unsigned int align;
	bool at_once;
	struct kmem_cache *cache;
	void *objects[BULK];
} ways[] = {
	{ .name = "one", .cache_name = "objects_one", .bytes = 184 },
	{ .name = "bulk", .cache_name = "objects_bulk", .bytes = 56, .at_once = true },
	{ .name = "vector", .cache_name = "objects_vector", .bytes = 248 },
	{ .name = "spare", .cache_name = "objects_spare", .bytes = 1000 },
	{ .name = "within", .cache_name = "objects_within", .bytes = 96, .align = 128 },
	{ .name = "kmalloc", .bytes = 700 },
};

static DEFINE_MUTEX(lock);

static void make(void *object)
{
}

static int have(struct way *way)
{
	int at;

	if (way->objects[0])
		return -EBUSY;
	if (way->at_once) {
		/* Returns the number of objects, and on later kernels whether it succeeded. */
		if (!kmem_cache_alloc_bulk(way->cache, GFP_KERNEL, BULK, way->objects))
			return -ENOMEM;
		return 0;
	}
	for (at = 0; at < COUNT; at++) {
		if (way->cache)
			way->objects[at] = kmem_cache_alloc(way->cache, GFP_KERNEL);
		else
			way->objects[at] = kmalloc(way->bytes, GFP_KERNEL_ACCOUNT);
		if (!way->objects[at])
			return -ENOMEM;
	}
	return 0;
}

static void give_back(struct way *way)
{
	int at;

	if (way->at_once && way->objects[0]) {
		kmem_cache_free_bulk(way->cache, BULK, way->objects);
		memset(way->objects, 0, sizeof(way->objects));
	}
	for (at = 0; at < COUNT; at++) {
		if (way->cache && way->objects[at])
			kmem_cache_free(way->cache, way->objects[at]);
		else if (!way->cache)
			kfree(way->objects[at]);
		way->objects[at] = NULL;
	}
}

static ssize_t objects_write(struct file *file, const char __user *from, size_t bytes, loff_t *pos)
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
			give_back(&ways[at]);
			error = 0;
		}
	}
	mutex_unlock(&lock);
	return error ? error : bytes;
}

static int objects_show(struct seq_file *file, void *unused)
{
	int at;

	mutex_lock(&lock);
	for (at = 0; at < ARRAY_SIZE(ways); at++) {
		struct way *way = &ways[at];

		if (way->cache && way->objects[0])
			seq_printf(file, "%s %u\n", way->cache_name,
				   *(u32 *)((char *)virt_to_head_page(way->objects[0]) + STRIDE));
	}
	mutex_unlock(&lock);
	return 0;
}

static int objects_open(struct inode *inode, struct file *file)
{
	return single_open(file, objects_show, NULL);
}

static const struct proc_ops objects_ops = {
	.proc_open = objects_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = objects_write,
};

static void end(void)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(ways); at++) {
		give_back(&ways[at]);
		kmem_cache_destroy(ways[at].cache);
	}
}

static int __init objects_init(void)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(ways); at++) {
		struct way *way = &ways[at];

		if (!way->cache_name)
			continue;
		way->cache = kmem_cache_create(way->cache_name, way->bytes, way->align,
					       SLAB_ACCOUNT, make);
		if (!way->cache)
			goto failed;
	}
	if (proc_create(NAME, 0600, NULL, &objects_ops))
		return 0;
failed:
	end();
	return -ENOMEM;
}

static void __exit objects_exit(void)
{
	remove_proc_entry(NAME, NULL);
	end();
}

module_init(objects_init);
module_exit(objects_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Objects to have");
