//! Keys, proofs, and checking them without Ethereum.
//!
//! The keys here are for **tests and demonstrations only**: one party, this code, makes them from a seed that everybody
//! knows, so everybody can forge proofs. A rollup with value needs keys from a ceremony; what uses them is the same.

use crate::circuit::{self, Circuit};
use crate::rollup::{Job, Shape};
use crate::statement::Statement;
use ark_bn254::{Bn254, Fq, Fq2, G1Affine, G2Affine};
use ark_ff::{BigInteger, PrimeField};
use ark_groth16::{Groth16, PreparedVerifyingKey, ProvingKey, VerifyingKey, prepare_verifying_key};
use ark_relations::gr1cs::SynthesisError;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, SerializationError};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{CryptoRng, RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Words of 32 bytes in a verification key.
const KEY_WORDS: usize = 18;

/// What goes wrong around proofs.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The circuit cannot be built. Trying again gives the same.
    #[error("building the circuit: {0}")]
    Synthesis(#[from] SynthesisError),
    /// The job does not follow from the rules, so there is no proof of it.
    #[error("the job breaks constraint {constraint}")]
    FalseStatement {
        /// The first constraint that fails, counted from 0.
        constraint: usize,
    },
    /// The job is of another shape than the keys.
    #[error("a job of shape {job:?} with keys of shape {keys:?}")]
    WrongShape {
        /// The job's shape.
        job: Shape,
        /// The keys' shape.
        keys: Shape,
    },
    /// The cache of keys cannot be used. Trying again may help.
    #[error("the cached keys in {path}: {error}")]
    Cache {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// Keys do not serialize.
    #[error("encoding keys: {0}")]
    Encoding(#[from] SerializationError),
}

/// A proof, as the settlement contract takes it: A, B and C in the encoding of the precompiles, 256 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(pub [u8; 256]);

/// A verification key as the verifier contract takes it: alpha, beta, gamma, delta and the two points of the input, each
/// coordinate a word.
pub type KeyWords = [[u8; 32]; KEY_WORDS];

/// Checks proofs as the contract does, before anybody pays for that.
pub struct Verifier(PreparedVerifyingKey<Bn254>);

impl Verifier {
    /// A verifier with the key that a contract has. `None` where the words are no points of the groups.
    pub fn from_key_words(words: &KeyWords) -> Option<Self> {
        let mut words = words.iter();
        let mut coordinate = || read_word(words.next()?);
        let alpha_g1 = read_g1([coordinate()?, coordinate()?])?;
        let mut second = || read_g2([coordinate()?, coordinate()?, coordinate()?, coordinate()?]);
        let (beta_g2, gamma_g2, delta_g2) = (second()?, second()?, second()?);
        let mut input = || read_g1([coordinate()?, coordinate()?]);
        let gamma_abc_g1 = vec![input()?, input()?];
        let key = VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1 };
        Some(Self(prepare_verifying_key(&key)))
    }

    /// Whether a proof shows a statement.
    pub fn verify(&self, statement: &Statement, proof: &Proof) -> bool {
        let Some(proof) = read_proof(&proof.0) else { return false };
        let input = [statement.public_input()];
        Groth16::<Bn254>::verify_proof(&self.0, &proof, &input).unwrap_or(false)
    }

    /// The key, for deploying the verifier contract.
    pub fn key_words(&self) -> KeyWords {
        let key = &self.0.vk;
        let mut words = [[0; 32]; KEY_WORDS];
        let seconds = [&key.beta_g2, &key.gamma_g2, &key.delta_g2].into_iter().flat_map(g2);
        let all = g1(&key.alpha_g1).into_iter().chain(seconds).chain(key.gamma_abc_g1.iter().flat_map(g1));
        for (to, word) in words.iter_mut().zip(all) {
            *to = word;
        }
        words
    }
}

/// Makes proofs of one shape.
pub struct Prover {
    shape: Shape,
    proving: ProvingKey<Bn254>,
    verifier: Verifier,
}

impl Prover {
    /// Makes the test keys of a shape. That takes about as long as some proofs.
    pub fn set_up(shape: Shape) -> Result<Self, ProverError> {
        Self::set_up_for(shape, &circuit::describe(shape)?.digest)
    }

    /// Reads the test keys of a shape from a folder, or makes them and puts them there. The file's name has the hash of the
    /// circuit, so keys of another circuit are never taken for these.
    pub fn cached(shape: Shape, folder: &Path) -> Result<Self, ProverError> {
        let digest = circuit::describe(shape)?.digest;
        let name = format!("zk-{}-{}-{}.key", shape.slots, shape.deposits, hex::encode(&digest[..16]));
        let path = folder.join(name);
        let failed = |error| ProverError::Cache { path: path.clone(), error };
        if path.exists() {
            return Ok(Self::new(shape, read_key(&path).map_err(failed)?));
        }
        let prover = Self::set_up_for(shape, &digest)?;
        write_key(&path, &prover.proving).map_err(failed)?;
        Ok(prover)
    }

    fn set_up_for(shape: Shape, digest: &[u8; 32]) -> Result<Self, ProverError> {
        let seed = Sha256::new_with_prefix(b"FAIRLANE-ZKS-v1 test only").chain_update(digest).finalize();
        let mut rng = ChaCha20Rng::from_seed(seed.into());
        let job = Job::empty(shape);
        let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(Circuit(&job), &mut rng)?;
        Ok(Self::new(shape, key))
    }

    fn new(shape: Shape, proving: ProvingKey<Bn254>) -> Self {
        let verifier = Verifier(prepare_verifying_key(&proving.vk));
        Self { shape, proving, verifier }
    }

    /// The shape of the jobs that can be proven with these keys.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Proves a job. This keeps all processors busy for seconds, so an async program calls it where it may block.
    pub fn prove(&self, job: &Job, rng: &mut (impl RngCore + CryptoRng)) -> Result<Proof, ProverError> {
        if job.shape != self.shape {
            return Err(ProverError::WrongShape { job: job.shape, keys: self.shape });
        }
        if let Some(constraint) = circuit::first_broken(job)? {
            return Err(ProverError::FalseStatement { constraint });
        }
        let proof = Groth16::<Bn254>::create_random_proof_with_reduction(Circuit(job), &self.proving, rng)?;
        let mut bytes = [0; 256];
        let words = g1(&proof.a).into_iter().chain(g2(&proof.b)).chain(g1(&proof.c));
        for (to, word) in bytes.chunks_exact_mut(32).zip(words) {
            to.copy_from_slice(&word);
        }
        Ok(Proof(bytes))
    }

    /// What checks the proofs.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// Constraints of a shape's circuit.
pub fn constraints(shape: Shape) -> Result<usize, ProverError> {
    Ok(circuit::describe(shape)?.constraints)
}

fn word(coordinate: &Fq) -> [u8; 32] {
    let mut word = [0; 32];
    word.copy_from_slice(&coordinate.into_bigint().to_bytes_be());
    word
}

/// A point of the first group. None of ours is the neutral element.
fn g1(point: &G1Affine) -> [[u8; 32]; 2] {
    [word(&point.x), word(&point.y)]
}

fn g2(point: &G2Affine) -> [[u8; 32]; 4] {
    [word(&point.x.c1), word(&point.x.c0), word(&point.y.c1), word(&point.y.c0)]
}

/// A coordinate, if it is written in the one way.
fn read_word(bytes: &[u8; 32]) -> Option<Fq> {
    let coordinate = Fq::from_be_bytes_mod_order(bytes);
    (word(&coordinate) == *bytes).then_some(coordinate)
}

fn read_g1([x, y]: [Fq; 2]) -> Option<G1Affine> {
    Some(G1Affine::new_unchecked(x, y)).filter(G1Affine::is_on_curve)
}

fn read_g2([x1, x0, y1, y0]: [Fq; 4]) -> Option<G2Affine> {
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    Some(point).filter(|point| point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve())
}

/// A proof's points, if they are points of the groups in the one encoding.
fn read_proof(bytes: &[u8; 256]) -> Option<ark_groth16::Proof<Bn254>> {
    let mut coordinates = [Fq::default(); 8];
    for (to, chunk) in coordinates.iter_mut().zip(bytes.chunks_exact(32)) {
        *to = read_word(chunk.try_into().ok()?)?;
    }
    let [ax, ay, bx1, bx0, by1, by0, cx, cy] = coordinates;
    Some(ark_groth16::Proof {
        a: read_g1([ax, ay])?,
        b: read_g2([bx1, bx0, by1, by0])?,
        c: read_g1([cx, cy])?,
    })
}

/// A file has a checksum and the key.
fn write_key(path: &Path, key: &ProvingKey<Bn254>) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut bytes = Vec::with_capacity(key.uncompressed_size());
    key.serialize_uncompressed(&mut bytes).map_err(io::Error::other)?;
    let mut file = BufWriter::new(File::create(&unfinished)?);
    file.write_all(&Sha256::digest(&bytes))?;
    file.write_all(&bytes)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(unfinished, path)
}

fn read_key(path: &Path) -> io::Result<ProvingKey<Bn254>> {
    let mut checksum = [0; 32];
    let mut file = BufReader::new(File::open(path)?);
    file.read_exact(&mut checksum)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if Sha256::digest(&bytes).as_slice() != checksum {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum is wrong: remove the file"));
    }
    ProvingKey::deserialize_uncompressed_unchecked(bytes.as_slice()).map_err(io::Error::other)
}
