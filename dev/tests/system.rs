//! What the product promises, each promise in its own file, over the ordinary wire.

mod system {
    mod tpch;
}
