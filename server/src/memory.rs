//! Returns memory that this process no longer needs to the system.

/// Gives the memory that was freed back to the system. glibc keeps what lies below a block that is still in use, in each
/// thread's arena: after a snapshot that is several megabytes, for as long as this process runs. It takes about a
/// millisecond, in which threads of the same arena wait to allocate: for the end of something large.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(
            unsafe_code,
            reason = "malloc_trim(3) takes no pointer and touches no memory in use; it may be called from any thread"
        )]
        // SAFETY: it has no preconditions.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

#[cfg(test)]
#[cfg(target_env = "gnu")]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    const BLOCK_BYTES: usize = 64 << 10;
    const BLOCKS: usize = 64;

    /// Whether the page of an address is in memory: proc_pid_pagemap(5), bit 63.
    fn is_present(address: usize) -> bool {
        let page = rustix::param::page_size();
        let mut entry = [0; 8];
        let map = File::open("/proc/self/pagemap").unwrap();
        map.read_exact_at(&mut entry, (address / page * 8) as u64)
            .unwrap();
        u64::from_ne_bytes(entry) >> 63 == 1
    }

    #[test]
    fn memory_below_a_block_in_use_goes_back_to_the_system() {
        // A thread of its own, so that its arena is its own too.
        let present = std::thread::spawn(|| {
            let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|_| vec![1; BLOCK_BYTES]).collect();
            let _in_use = vec![1_u8; BLOCK_BYTES];
            let middles: Vec<usize> = blocks
                .iter()
                .map(|block| block.as_ptr() as usize + BLOCK_BYTES / 2)
                .collect();
            let count = || middles.iter().filter(|at| is_present(**at)).count();
            let before = count();
            drop(blocks);
            give_back();
            (before, count())
        });
        let (before, after) = present.join().unwrap();
        assert_eq!(before, BLOCKS);
        assert!(after < BLOCKS / 4, "{after} of {BLOCKS} are still there");
    }
}
