//! Compiles the `.proto` files with a pure-Rust compiler, so that nobody needs to install `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["types", "submit", "batch", "chain", "admin", "evidence", "wire", "prover"]
        .map(|name| format!("fairlane/v1/{name}.proto"));
    let descriptors = protox::compile(&files, ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("fairlane_descriptor.bin"), prost_encode(&descriptors))?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=fairlane");
    Ok(())
}

fn prost_encode(descriptors: &prost_types::FileDescriptorSet) -> Vec<u8> {
    prost::Message::encode_to_vec(descriptors)
}
