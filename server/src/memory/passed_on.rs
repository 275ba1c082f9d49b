//! What pools of ours leave to the pool below them.

/// Of `MemoryPool` all but `try_grow`, asked of `self.pool`.
macro_rules! passed_on {
    () => {
        fn name(&self) -> &str {
            self.pool.name()
        }

        fn register(&self, consumer: &MemoryConsumer) {
            self.pool.register(consumer);
        }

        fn unregister(&self, consumer: &MemoryConsumer) {
            self.pool.unregister(consumer);
        }

        fn grow(&self, reservation: &MemoryReservation, additional: usize) {
            self.pool.grow(reservation, additional);
        }

        fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
            self.pool.shrink(reservation, shrink);
        }

        fn reserved(&self) -> usize {
            self.pool.reserved()
        }

        fn memory_limit(&self) -> MemoryLimit {
            self.pool.memory_limit()
        }
    };
}

pub(super) use passed_on;
