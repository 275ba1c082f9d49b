//! DoGet: what the ticket of a client stands for, given piece by piece.

use arrow_flight::Ticket as FlightTicket;
use async_trait::async_trait;
use tonic::{Request, Status};

use super::super::pieces::{InPieces, Pieces};
use super::super::read::read;
use super::super::ticket::Ticket;
use super::super::{answer, status};
use super::ClientService;

#[async_trait]
impl InPieces for ClientService {
    async fn give(&self, request: Request<FlightTicket>) -> Result<Pieces, Status> {
        let called = self.called(&request)?;
        let raw = request.into_inner().ticket;
        let ticket = self.queries.signer().check(&raw, &called.caller.principal);
        match ticket.map_err(|error| status::ticket(&error))? {
            Ticket::Result(share) => {
                read(&self.queries, &share, raw, &called.caller.principal).await
            }
            Ticket::Command(command) => {
                answer::answer(&command, called.caller.settings, &self.queries).await
            }
            Ticket::Statement(_) | Ticket::Plan(_) | Ticket::Prepared(_) => {
                Err(Status::invalid_argument(
                    "this is a prepared statement's handle, not a ticket: call GetFlightInfo",
                ))
            }
            Ticket::Poll(_) => Err(Status::invalid_argument(
                "this is the handle of a poll, not a ticket: call PollFlightInfo",
            )),
        }
    }
}
