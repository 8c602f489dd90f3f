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
 *
 * And objects that are not charged to anybody, by known functions, most of which leak:
 *
 *	leak	30 by leak_first(), of which 10 are freed; 20 by leak_second(), of which 5 are freed at
 *		once; 12 by leak_bulk(), all at once; and 8 by leak_kmalloc(), charged ones by
 *		kmalloc(), of which 3 are freed, and 2 after a grace period
 *	flood	FLOOD by leak_flood()
 *	-leak	frees all of these
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
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

#define LEAK_FIRST 30
#define LEAK_SECOND 20
#define LEAK_SECOND_FREED 5
#define LEAK_BULK 12
#define LEAK_KMALLOC 8
/* More than memcg-trace follows at once. */
#define FLOOD ((1 << 18) + 1000)

/* Objects of one cache, each linked to the one before. */
struct leak {
	struct leak *before;
	char bytes[64];
};

struct leak_large {
	struct rcu_head rcu;
	char bytes[700];
};

static struct kmem_cache *leak_cache;
static struct leak *leaks;
static struct leak_large *large[LEAK_KMALLOC];

static DEFINE_MUTEX(lock);

static bool push(struct leak *leak)
{
	if (!leak)
		return false;
	leak->before = leaks;
	leaks = leak;
	return true;
}

static struct leak *pop(void)
{
	struct leak *leak = leaks;

	if (leak)
		leaks = leak->before;
	return leak;
}

static noinline bool leak_first(void)
{
	return push(kmem_cache_alloc(leak_cache, GFP_KERNEL));
}

static noinline bool leak_second(void)
{
	return push(kmem_cache_alloc_node(leak_cache, GFP_KERNEL, NUMA_NO_NODE));
}

/* With other flags, so that the compiler does not make one function of this and leak_first(). */
static noinline bool leak_flood(void)
{
	return push(kmem_cache_alloc(leak_cache, GFP_KERNEL | __GFP_NOWARN));
}

static noinline bool leak_bulk(void)
{
	void *some[LEAK_BULK];
	int at;

	if (!kmem_cache_alloc_bulk(leak_cache, GFP_KERNEL, LEAK_BULK, some))
		return false;
	for (at = 0; at < LEAK_BULK; at++)
		push(some[at]);
	return true;
}

static noinline bool leak_kmalloc(int at)
{
	large[at] = kmalloc(sizeof(*large[at]), GFP_KERNEL_ACCOUNT);
	return large[at];
}

static void leak_some(void)
{
	void *some[LEAK_SECOND_FREED];
	int at;

	for (at = 0; at < LEAK_FIRST; at++)
		leak_first();
	for (at = 0; at < 10; at++)
		kmem_cache_free(leak_cache, pop());
	for (at = 0; at < LEAK_SECOND; at++)
		leak_second();
	for (at = 0; at < LEAK_SECOND_FREED; at++)
		some[at] = pop();
	kmem_cache_free_bulk(leak_cache, LEAK_SECOND_FREED, some);
	leak_bulk();
	for (at = 0; at < LEAK_KMALLOC; at++)
		leak_kmalloc(at);
	for (at = 0; at < 3; at++) {
		kfree(large[at]);
		large[at] = NULL;
	}
	for (; at < 5; at++) {
		kfree_rcu(large[at], rcu);
		large[at] = NULL;
	}
}

static void leak_none(void)
{
	struct leak *leak;
	int at;

	while ((leak = pop()))
		kmem_cache_free(leak_cache, leak);
	for (at = 0; at < LEAK_KMALLOC; at++) {
		kfree(large[at]);
		large[at] = NULL;
	}
}

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
	if (!strcmp(word, "leak")) {
		leak_some();
		error = 0;
	} else if (!strcmp(word, "flood")) {
		for (at = 0; at < FLOOD; at++)
			leak_flood();
		error = 0;
	} else if (!strcmp(word, "-leak")) {
		leak_none();
		error = 0;
	}
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
	leak_none();
	kmem_cache_destroy(leak_cache);
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
	leak_cache = kmem_cache_create("objects_leak", sizeof(struct leak), 0, 0, make);
	if (!leak_cache)
		goto failed;
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
