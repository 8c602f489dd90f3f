# Plugin of sos: what memcg-trace says of a host goes into its report. Copy it to the folder
# sos/report/plugins of sos's Python package.

from sos.report.plugins import DebianPlugin, Plugin, RedHatPlugin, UbuntuPlugin


class MemcgTrace(Plugin, DebianPlugin, RedHatPlugin, UbuntuPlugin):
    """Who holds slab memory, who pins dead memory cgroups, who waits for whom."""

    short_desc = 'Slab memory, dead memory cgroups, kernel locks'
    plugin_name = 'memcg_trace'
    profiles = ('system', 'kernel', 'memory')
    packages = ('memcg-trace',)
    commands = ('memcg-trace',)

    def setup(self):
        self.add_copy_spec('/etc/memcg-trace.toml')
        # Two looks a second apart, and one at each object: a host that is stuck gets no more time.
        for verb in ('doctor', 'locks', 'zombies', 'pins', 'slab'):
            command = 'memcg-trace %s --config /dev/null --json' % verb
            self.add_cmd_output(command, suggest_filename='%s.json' % verb, timeout=60)
