//! Frames on streams: a four-byte length and a protobuf message. Reading is bounded before anything is allocated.

use crate::network::wire;
use async_trait::async_trait;
use bytes::{BufMut as _, Bytes, BytesMut};
use fairlane_proto::v1;
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::StreamProtocol;
use prost::Message;
use std::io;

/// Bytes that protobuf adds around the one `bytes` field of a small message.
pub(super) const FIELD_BYTES: usize = 16;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The peer wants to send more than it may.
    #[error("a frame of {bytes} bytes is announced, the limit is {limit}")]
    Oversize {
        /// The announced length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes are not the expected message.
    #[error("the frame is not the expected message: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// The stream ended or failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// The frame that carries a message.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut out = BytesMut::with_capacity(4 + len);
    out.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    message.encode_raw(&mut out);
    out.freeze()
}

/// Reads one frame of at most `limit` bytes. Byte fields of the message share the frame's memory.
pub(super) async fn read<M, T>(io: &mut T, limit: usize) -> Result<M, FrameError>
where
    M: Message + Default,
    T: AsyncRead + Unpin,
{
    let mut prefix = [0; 4];
    io.read_exact(&mut prefix).await?;
    let bytes = u32::from_be_bytes(prefix) as usize;
    if bytes > limit {
        return Err(FrameError::Oversize { bytes, limit });
    }
    let mut body = vec![0; bytes];
    io.read_exact(&mut body).await?;
    Ok(M::decode(Bytes::from(body))?)
}

/// Writes one message and flushes.
pub(super) async fn write<T: AsyncWrite + Unpin>(io: &mut T, message: &impl Message) -> io::Result<()> {
    io.write_all(&frame(message)).await?;
    io.flush().await
}

/// How fetches travel: one frame each way.
#[derive(Clone, Debug)]
pub(super) struct FetchCodec {
    /// The most bytes of segments in a response.
    pub(super) max_response_bytes: usize,
}

impl FetchCodec {
    /// Room for the framing of each segment in a response, and for nothing but small segments.
    fn response_limit(&self) -> usize {
        self.max_response_bytes + self.max_response_bytes / 8 + FIELD_BYTES
    }
}

#[async_trait]
impl libp2p::request_response::Codec for FetchCodec {
    type Protocol = StreamProtocol;
    type Request = v1::FetchRequest;
    type Response = v1::FetchResponse;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<v1::FetchRequest>
    where
        T: AsyncRead + Unpin + Send,
    {
        Ok(read(io, wire::MAX_REQUEST_BYTES).await?)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<v1::FetchResponse>
    where
        T: AsyncRead + Unpin + Send,
    {
        Ok(read(io, self.response_limit()).await?)
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: v1::FetchRequest,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: v1::FetchResponse,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}
