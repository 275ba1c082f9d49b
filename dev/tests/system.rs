//! What the product promises, each promise in its own file, over the ordinary wire.

mod system {
    mod admission;
    mod again;
    mod altering;
    mod back_again;
    mod bad_input;
    mod bounds;
    mod catalog;
    mod credentials;
    mod drain;
    mod endpoints;
    mod explain;
    mod fault_clients;
    mod fault_links;
    mod fault_matrix;
    mod fault_runs;
    mod faults;
    mod files;
    mod giving_way;
    mod keys;
    mod lifetime;
    mod memory;
    mod metadata;
    mod one_partition;
    mod prepared;
    mod processes;
    mod replaced;
    mod roles;
    mod rolling;
    mod rust_client;
    mod sessions;
    mod shapes;
    mod sorted;
    mod statements;
    mod store;
    mod tickets;
    mod tls;
    mod tpch;
    mod types;
    mod writing;
    mod writing_faults;
    mod writing_files;
    mod writing_names;
    mod writing_parts;
}
