//! What the bits of the kernel's taint mean (Documentation/admin-guide/tainted-kernels.rst).

/// Letter and meaning of each bit, from the lowest.
const BITS: &[(char, &str)] = &[
    ('P', "a proprietary module was loaded"),
    ('F', "a module was loaded by force"),
    ('S', "the processor or the system is out of specification"),
    ('R', "a module was unloaded by force"),
    ('M', "the processor reported a machine check"),
    ('B', "a bad page was found"),
    ('U', "user space asked for the taint"),
    ('D', "the kernel died before"),
    ('A', "the ACPI table was overridden"),
    ('W', "the kernel warned before"),
    ('C', "a staging driver was loaded"),
    ('I', "there is a workaround for a bug of the firmware"),
    ('O', "a module from out of the tree was loaded"),
    ('E', "a module without a signature was loaded"),
    ('L', "there was a soft lockup before"),
    ('K', "the kernel was patched live"),
    ('X', "auxiliary, of the distribution"),
    ('T', "built with randomised structures"),
    ('N', "an in-kernel test was run"),
];

/// The taint for people.
pub(super) fn meaning(taint: u64) -> String {
    if taint == 0 {
        return "not tainted".to_owned();
    }
    let mut known = 0;
    let mut reasons = Vec::new();
    for (bit, (letter, meaning)) in BITS.iter().enumerate() {
        if taint >> bit & 1 == 1 {
            known |= 1 << bit;
            reasons.push(format!("{letter} ({meaning})"));
        }
    }
    if taint & !known != 0 {
        reasons.push(format!("{:#x} (not known to this version)", taint & !known));
    }
    format!("{taint}: {}", reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_has_a_reason() {
        assert_eq!(meaning(0), "not tainted");
        let module = meaning(1 << 12 | 1 << 13);
        assert!(module.starts_with("12288: O (a module"), "{module}");
        assert!(module.contains(", E ("), "{module}");
        assert_eq!(
            meaning(1 << 60),
            "1152921504606846976: 0x1000000000000000 (not known to this version)"
        );
    }
}
