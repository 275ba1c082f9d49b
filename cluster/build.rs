//! Generates the client and server of `squadron.cluster.v1.Membership` without protoc: the messages
//! are hand-derived in `src/member/wire.rs`, so only the gRPC glue is made here.

fn main() {
    let hello = tonic_build::manual::Method::builder()
        .name("hello")
        .route_name("Hello")
        .input_type("crate::member::wire::Greeting")
        .output_type("crate::member::wire::Greeting")
        .codec_path("tonic_prost::ProstCodec")
        .comment(
            "Tells who the caller is and learns who the callee is: liveness and identity in one.",
        )
        .build();
    let membership = tonic_build::manual::Service::builder()
        .name("Membership")
        .package("squadron.cluster.v1")
        .comment("How static members of a cluster find out that the others are there.")
        .method(hello)
        .build();
    tonic_build::manual::Builder::new().compile(&[membership]);
    println!("cargo::rerun-if-changed=build.rs");
}
