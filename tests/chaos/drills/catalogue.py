"""All drills by name, in the order of their run."""

from tests.chaos.drills.connections import few_connections, use_up_connections
from tests.chaos.drills.drill import Drill
from tests.chaos.drills.full_disk import data_disk, fill_data_disk, fill_wal_disk, wal_disk
from tests.chaos.drills.old_dump import judge_restored, restore_and_forget, restore_old_dump
from tests.chaos.drills.restarts import cut_and_kill, restart_twice
from tests.chaos.drills.turned_keys import WITH_INTERNAL_SECRET, turn_keys

_ALL = (
    Drill("connections", "other programs use up PostgreSQL's connections", use_up_connections, few_connections),
    Drill("disk", "the disk of PostgreSQL's data is full", fill_data_disk, data_disk),
    Drill("wal", "the disk of PostgreSQL's write-ahead log is full", fill_wal_disk, wal_disk),
    Drill("restarts", "PostgreSQL restarted twice in a burst", restart_twice),
    Drill("cuts", "all connections cut in a burst, and a worker killed", cut_and_kill),
    Drill("dump", "an old dump restored by the book", restore_old_dump, verdict=judge_restored, has_burst=False),
    Drill("forgotten", "the same without after-restore", restore_and_forget, verdict=judge_restored, has_burst=False),
    Drill("keys", "all secrets turned by the book", turn_keys, has_burst=False, settings=WITH_INTERNAL_SECRET),
)
DRILLS = {drill.name: drill for drill in _ALL}
