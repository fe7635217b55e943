import { unavailable } from "@landfall/adapters/http/http-error"
import { DatabaseError } from "@landfall/adapters/postgres/transaction"

/** The answer, or 503 while PostgreSQL is away. */
export const answer = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await question()
  } catch (error) {
    if (error instanceof DatabaseError) throw unavailable("PostgreSQL does not answer; ask again later")
    throw error
  }
}
