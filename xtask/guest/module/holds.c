// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Holds open files of the loading process, or their inodes or dentries, until the module is
 * unloaded: references that nothing leads to. Each parameter is a file descriptor.
 *
 *	insmod holds.ko file=3 inode=4 dentry=5
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>

static int file = -1;
module_param(file, int, 0);
MODULE_PARM_DESC(file, "descriptor of the file to hold");
static int inode = -1;
module_param(inode, int, 0);
MODULE_PARM_DESC(inode, "descriptor of a file whose inode to hold");
static int dentry = -1;
module_param(dentry, int, 0);
MODULE_PARM_DESC(dentry, "descriptor of a file whose name to hold");

static struct file *held_file;
static struct inode *held_inode;
static struct dentry *held_dentry;

static void let_go(void)
{
	if (held_file)
		fput(held_file);
	if (held_inode)
		iput(held_inode);
	dput(held_dentry);
}

static int __init holds_init(void)
{
	struct file *of_inode, *of_dentry;

	if (file >= 0)
		held_file = fget(file);
	of_inode = inode >= 0 ? fget(inode) : NULL;
	if (of_inode) {
		held_inode = igrab(file_inode(of_inode));
		fput(of_inode);
	}
	of_dentry = dentry >= 0 ? fget(dentry) : NULL;
	if (of_dentry) {
		held_dentry = dget(of_dentry->f_path.dentry);
		fput(of_dentry);
	}
	if ((file >= 0 && !held_file) || (inode >= 0 && !held_inode) ||
	    (dentry >= 0 && !held_dentry)) {
		let_go();
		return -EBADF;
	}
	return 0;
}

static void __exit holds_exit(void)
{
	let_go();
}

module_init(holds_init);
module_exit(holds_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Holds files, inodes and dentries");
