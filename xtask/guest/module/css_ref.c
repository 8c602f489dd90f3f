// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Takes one reference to the memory controller of a cgroup, or to the cgroup itself, and keeps it
 * until the module is unloaded: a reference that no ledger can explain.
 *
 *	insmod css_ref.ko cgroup=/a/b [itself=1]
 */
#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/module.h>

static char *cgroup;
module_param(cgroup, charp, 0);
MODULE_PARM_DESC(cgroup, "path of the cgroup in the unified hierarchy");

static bool itself;
module_param(itself, bool, 0);
MODULE_PARM_DESC(itself, "keep the cgroup, and not its memory controller");

static struct cgroup_subsys_state *css;

static int __init css_ref_init(void)
{
	struct cgroup *cgrp;

	if (!cgroup)
		return -EINVAL;
	cgrp = cgroup_get_from_path(cgroup);
	if (IS_ERR(cgrp))
		return PTR_ERR(cgrp);
	if (itself) {
		css = &cgrp->self;
		return 0;
	}
	rcu_read_lock();
	/* cgroup_get_e_css() would do this, but 5.10 does not export it. */
	css = rcu_dereference(cgrp->subsys[memory_cgrp_id]);
	if (css && !css_tryget_online(css))
		css = NULL;
	rcu_read_unlock();
	cgroup_put(cgrp);
	return css ? 0 : -ENODEV;
}

static void __exit css_ref_exit(void)
{
	css_put(css);
}

module_init(css_ref_init);
module_exit(css_ref_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Keeps one reference to a memory cgroup");
