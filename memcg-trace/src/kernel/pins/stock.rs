//! Charges that a CPU keeps in stock for the memcg that it charged last: one reference each
//! (mm/memcontrol.c: refill_stock(), drain_stock()).

use super::ledger::Ledger;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind};

pub(super) fn count(reader: &Reader<'_>, ledger: &mut Ledger) -> Result<(), Unreadable> {
    for (cpu, stock) in reader.per_cpu(Symbol::MemcgStock)? {
        // A stock has one memcg until 6.15, about seven since. A CPU that was never online has no
        // memory for it.
        let Ok(cached) = reader.words(stock, Field::StockCached) else {
            continue;
        };
        ledger.visited.objects += 1;
        for memcg in cached {
            let Some(zombie) = ledger.zombie(memcg) else {
                continue;
            };
            zombie.add(
                PinKind::Stock,
                Object {
                    kind: ObjectKind::Cpu,
                    refs: 1,
                    cpu: Some(cpu),
                    ..Object::default()
                },
            );
        }
    }
    Ok(())
}
